//! The pieces of a whole database.

use crate::{StoreError, Value};

/// The number of rows per batch.
pub(super) const BATCH: usize = 2_000;

/// A table of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<TableColumn>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ColumnKind,
}

/// The type of a column in the common dialect.
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
    /// Rows of the table, with a value for each column.
    Rows(Vec<Vec<Value>>),
    /// The database is complete.
    End,
}

impl ColumnKind {
    /// Returns the type for a name in SQLite's catalog or PostgreSQL.
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

    /// Returns its name in a backup.
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
    pub(super) fn column(table: &str, name: String, declared: &str) -> Result<TableColumn, StoreError> {
        let kind = ColumnKind::of(declared);
        let kind = kind.ok_or_else(|| StoreError::database(format!("{table}.{name} is of the type {declared}")))?;
        Ok(TableColumn { name, kind })
    }

    pub(super) fn column_names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        names.join(", ")
    }
}

/// Orders tables so that referenced tables come first.
pub(super) fn parents_first(mut waiting: Vec<(Table, Vec<String>)>) -> Vec<Table> {
    let mut ordered: Vec<Table> = Vec::new();
    while !waiting.is_empty() {
        let is_free = |(table, parents): &(Table, Vec<String>)| {
            let is_known = |parent: &String| *parent == table.name || ordered.iter().any(|known| known.name == *parent);
            parents.iter().all(is_known)
        };
        // Tables that refer to each other have no order, so the first of them is taken.
        let next = waiting.iter().position(is_free).unwrap_or(0);
        ordered.push(waiting.remove(next).0);
    }
    ordered
}
