//! Whole databases: read as one moment, written into an empty schema. For backups, and for moving from one database to
//! the other. It goes by the catalogue and so knows no table; every table must have columns of the common dialect.

mod digest;
mod piece;
mod postgres;
mod sqlite;
mod unfinished;

use tokio::sync::mpsc;

pub use digest::Digest;
pub use piece::{ColumnKind, Piece, Table, TableColumn};
pub(crate) use unfinished::STATEMENTS;

use crate::db::Engine;
use crate::{Db, StoreError, Value};

/// How many such batches wait at most for whoever takes them.
const AHEAD: usize = 4;

/// The pieces of a database as they are read. It ends after [`Piece::End`]; if it ends before, the reading broke off.
pub struct Pieces(mpsc::Receiver<Result<Piece, StoreError>>);

impl Pieces {
    /// The next piece.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn next(&mut self) -> Result<Piece, StoreError> {
        let broken = || Err(StoreError::unavailable("reading the database broke off"));
        self.0.recv().await.unwrap_or_else(broken)
    }
}

impl Db {
    /// The tables, but for the record of migrations. What others refer to comes before those others.
    ///
    /// # Errors
    /// [`StoreError::Database`] for a column that is not of the common dialect; else as any statement.
    pub async fn tables(&self) -> Result<Vec<Table>, StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite::tables_of(sqlite.path()),
            Engine::Postgres(postgres) => {
                let connection = postgres.connection().await?;
                postgres::tables(&connection).await
            }
        }
    }

    /// Reads all rows of all tables as they are at one moment, while others go on writing.
    pub fn read_whole(&self) -> Pieces {
        let (sender, receiver) = mpsc::channel(AHEAD);
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite::read(sqlite.path(), sender),
            Engine::Postgres(_) => drop(tokio::spawn(postgres::read(self.clone(), sender))),
        }
        Pieces(receiver)
    }

    /// Writes rows into a table.
    ///
    /// # Errors
    /// As any statement; what was written before stays.
    pub async fn write_rows(&self, table: &Table, rows: &[Vec<Value>]) -> Result<(), StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.in_one(|connection| sqlite::write(connection, table, rows)).await,
            Engine::Postgres(postgres) => {
                let connection = postgres.connection().await?;
                postgres::write(&connection, table, rows).await
            }
        }
    }

    /// Removes every row of a table.
    ///
    /// # Errors
    /// As any statement.
    pub async fn clear(&self, table: &Table) -> Result<(), StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite.in_one(|connection| sqlite::clear(connection, table)).await,
            Engine::Postgres(postgres) => {
                let connection = postgres.connection().await?;
                postgres::clear(&connection, table).await
            }
        }
    }
}
