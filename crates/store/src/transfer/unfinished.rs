//! The mark of a database into which another one is being written. No server starts while it exists.

use crate::{Db, Sql, StoreError, query};

impl Db {
    /// Returns whether the database is empty: no table of any program.
    ///
    /// # Errors
    /// Any error of a statement.
    pub async fn is_blank(&self) -> Result<bool, StoreError> {
        Ok(query(&ANY).optional::<i64>(self).await?.is_none())
    }

    /// Returns whether a transfer into it has begun but not ended.
    ///
    /// # Errors
    /// Any error of a statement.
    pub async fn is_unfinished(&self) -> Result<bool, StoreError> {
        Ok(query(&FIND).optional::<i64>(self).await?.is_some())
    }

    /// Marks the beginning of a transfer into this database.
    ///
    /// # Errors
    /// Any error of a statement.
    pub async fn begin_transfer(&self) -> Result<(), StoreError> {
        query(&CREATE).execute(self).await.map(drop)
    }

    /// Marks the successful end of the transfer.
    ///
    /// # Errors
    /// Any error of a statement.
    pub async fn finish_transfer(&self) -> Result<(), StoreError> {
        query(&DROP).execute(self).await.map(drop)
    }
}

/// The statements of this module.
pub(crate) static STATEMENTS: [&Sql; 4] = [&CREATE, &DROP, &FIND, &ANY];

static CREATE: Sql = own("CREATE TABLE IF NOT EXISTS unfinished_transfer (id BIGINT PRIMARY KEY)");
static DROP: Sql = own("DROP TABLE IF EXISTS unfinished_transfer");

static FIND: Sql = Sql::new(
    "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'unfinished_transfer'",
    "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'unfinished_transfer'",
    file!(),
);

static ANY: Sql = Sql::new(
    "SELECT 1 FROM sqlite_master WHERE type = 'table' LIMIT 1",
    "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() LIMIT 1",
    file!(),
);

const fn own(text: &'static str) -> Sql {
    Sql::new(text, text, file!())
}
