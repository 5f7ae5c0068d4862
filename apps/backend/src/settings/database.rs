//! `[database]`: the connections to PostgreSQL.

use super::database_url::DatabaseUrl;
use super::section::section;
use super::values::Values;

section! {
    /// The connections to PostgreSQL. SQLite needs none of it.
    Database "database." {
        /// Connections to PostgreSQL at once, 1 to 1000.
        #[danger = "all nodes together must stay under PostgreSQL's `max_connections`"]
        pool_size: usize = "16",
        /// Whether statements are prepared once for each connection. `false` where `database_url` leads through a pooler
        /// that lends another connection to each transaction and does not follow prepared statements (PgBouncer in
        /// transaction mode, before 1.21 or without `max_prepared_statements`).
        prepared_statements: bool = "true",
        /// Where to listen for the revocations of other nodes (`LISTEN`), if `redis_url` is not set: an address of the
        /// same database that goes around the pooler. Without it nodes look ten times a second where they hear nothing.
        #[default_is = "`database_url`"]
        listen_url: Option<DatabaseUrl> = "",
    }
}

impl Database {
    pub(super) fn check(&self, values: &mut Values) {
        values.within("database.pool_size", self.pool_size, 1..=1000);
    }
}
