//! Whole databases: read as one moment, written into an empty schema. For backups, and for moving from one database to
//! the other. It goes by the catalogue and so knows no table; every table must have columns of the common dialect.

mod digest;
mod postgres;
mod sqlite;
mod unfinished;

use tokio::sync::mpsc;

pub use digest::Digest;
pub(crate) use unfinished::{MARK, STATEMENTS};

use crate::db::Engine;
use crate::{Db, StoreError, Value};

/// How many rows travel together.
const BATCH: usize = 2_000;
/// How many such batches wait at most for whoever takes them.
const AHEAD: usize = 4;

/// A table of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<TableColumn>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds, in the common dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// `BOOLEAN`.
    Bool,
    /// `BIGINT`.
    Int,
    /// `TEXT`.
    Text,
    /// `BYTEA`.
    Bytes,
    /// `UUID`.
    Uuid,
}

/// A piece of a whole database.
pub enum Piece {
    /// The rows of this table follow.
    Table(Table),
    /// Some rows of it; each has a value for each column.
    Rows(Vec<Vec<Value>>),
    /// It is complete.
    End,
}

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
        match &*self.engine {
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
        match &*self.engine {
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
        match &*self.engine {
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
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.in_one(|connection| sqlite::clear(connection, table)).await,
            Engine::Postgres(postgres) => {
                let connection = postgres.connection().await?;
                postgres::clear(&connection, table).await
            }
        }
    }
}

impl ColumnKind {
    /// By the name of a type: as SQLite's catalogue repeats it, or as PostgreSQL calls it.
    fn of(declared: &str) -> Option<Self> {
        Some(match declared.to_ascii_lowercase().as_str() {
            "boolean" => Self::Bool,
            "bigint" => Self::Int,
            "text" => Self::Text,
            "bytea" => Self::Bytes,
            "uuid" => Self::Uuid,
            _ => return None,
        })
    }

    /// Its name in a backup.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Int => "bigint",
            Self::Text => "text",
            Self::Bytes => "bytea",
            Self::Uuid => "uuid",
        }
    }
}

impl Table {
    /// Whether the program itself keeps it, for its migrations.
    fn is_own(name: &str) -> bool {
        name == "schema_migrations" || name == unfinished::MARK
    }

    fn column(table: &str, name: String, declared: &str) -> Result<TableColumn, StoreError> {
        let kind = ColumnKind::of(declared);
        let kind = kind.ok_or_else(|| StoreError::database(format!("{table}.{name} is of the type {declared}")))?;
        Ok(TableColumn { name, kind })
    }

    fn column_names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        names.join(", ")
    }
}

/// Tables with those that each refers to; the result has the latter first.
fn parents_first(mut waiting: Vec<(Table, Vec<String>)>) -> Vec<Table> {
    let mut ordered: Vec<Table> = Vec::new();
    while !waiting.is_empty() {
        let is_free = |(table, parents): &(Table, Vec<String>)| {
            let is_known = |parent: &String| *parent == table.name || ordered.iter().any(|known| known.name == *parent);
            parents.iter().all(is_known)
        };
        // Tables that refer to each other would have no order; the first of them has to do.
        let next = waiting.iter().position(is_free).unwrap_or(0);
        ordered.push(waiting.remove(next).0);
    }
    ordered
}
