//! `[database]`: the connections to PostgreSQL.

use super::database_url::DatabaseUrl;
use super::section::section;
use super::values::Values;

section! {
    /// Connections to PostgreSQL. They do not apply to SQLite.
    Database "database." {
        /// The maximum number of connections to PostgreSQL, 1 to 1000.
        /// The total of all nodes must stay below PostgreSQL's `max_connections`.
        pool_size: usize = "16",
        /// Whether to use prepared statements. Set it to `false` if `database_url` goes through a transaction pooler that
        /// does not support them (PgBouncer in transaction mode, before 1.21 or without `max_prepared_statements`).
        prepared_statements: bool = "true",
        /// A URL of the same database that bypasses the pooler, used to `LISTEN` for revocations from other nodes if
        /// `redis_url` is not set. If notifications do not arrive, nodes poll every 100 ms.
        #[default_is = "`database_url`"]
        listen_url: Option<DatabaseUrl> = "",
    }
}

impl Database {
    pub(super) fn check(&self, values: &mut Values) {
        values.within("database.pool_size", self.pool_size, 1..=1000);
    }
}
