//! Whole databases: read as of one moment, written into an empty schema. For backups, and for moving between databases. It uses
//! the catalog and names no table; every table must have columns of the common dialect.

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

/// The maximum number of waiting batches.
const AHEAD: usize = 4;

/// The pieces of a database, in reading order. It ends after [`Piece::End`]; otherwise, reading was interrupted.
pub struct Pieces(mpsc::Receiver<Result<Piece, StoreError>>);

impl Pieces {
    /// Returns the next piece.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn next(&mut self) -> Result<Piece, StoreError> {
        let broken = || Err(StoreError::unavailable("reading the database was interrupted"));
        self.0.recv().await.unwrap_or_else(broken)
    }
}

impl Db {
    /// Returns the tables except the record of migrations. Referenced tables come first.
    ///
    /// # Errors
    /// [`StoreError::Database`] for a column outside the common dialect, or any error of a statement.
    pub async fn tables(&self) -> Result<Vec<Table>, StoreError> {
        match &self.inner.engine {
            Engine::Sqlite(sqlite) => sqlite::tables_of(sqlite.path()),
            Engine::Postgres(postgres) => {
                let connection = postgres.connection().await?;
                postgres::tables(&connection).await
            }
        }
    }

    /// Reads all rows of all tables as of one moment, while others continue to write.
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
    /// Any error of a statement; earlier writes remain.
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
    /// Any error of a statement.
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
