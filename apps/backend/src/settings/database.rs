//! `[database]`: the connections to PostgreSQL.

use super::section::section;
use super::values::Values;

section! {
    /// The connections to PostgreSQL. SQLite needs none of it.
    Database "database." {
        /// Connections to PostgreSQL at once, 1 to 1000.
        #[danger = "all nodes together must stay under PostgreSQL's `max_connections`"]
        pool_size: usize = "16",
    }
}

impl Database {
    pub(super) fn check(&self, values: &mut Values) {
        values.within("database.pool_size", self.pool_size, 1..=1000);
    }
}
