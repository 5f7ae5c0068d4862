//! Reads rows by column name into types that reject invalid values.

use std::cell::Cell as Place;

use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

use crate::StoreError;

/// A value of a row, borrowed from the database's response.
///
/// SQLite has neither booleans nor UUIDs: they are [`Cell::Int`] and [`Cell::Bytes`].
#[derive(Clone, Copy)]
pub enum Cell<'r> {
    /// No value.
    Null,
    /// A boolean of PostgreSQL.
    Bool(bool),
    /// An integer of up to 64 bits.
    Int(i64),
    /// A text.
    Text(&'r str),
    /// Bytes.
    Bytes(&'r [u8]),
    /// A UUID of PostgreSQL.
    Uuid(Uuid),
}

/// A type that a column can be read as.
pub trait Column: Sized {
    /// Returns `None` if the value is invalid for this type; the row is then [`StoreError::Inconsistent`].
    fn read(cell: Cell<'_>) -> Option<Self>;
}

/// A type that a row can be read as. Implemented by [`row!`](crate::row!) or manually.
pub trait FromRow: Sized {
    /// Reads the required columns.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] if a column is missing or has an invalid value.
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError>;
}

/// A single column can be a row: `query(sql!("SELECT count(*) FROM notes")).one::<i64>(db)`.
impl<T: Column> FromRow for T {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        row.cell_at(0).and_then(T::read).ok_or(StoreError::Inconsistent {
            table: "(one column)",
            column: "first",
        })
    }
}

/// Defines a struct that is read from a row, each field from the column of the same name.
#[macro_export]
macro_rules! row {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident {
        $($(#[$field_attribute:meta])* $field_visibility:vis $field:ident: $kind:ty),* $(,)?
    }) => {
        $(#[$attribute])*
        $visibility struct $name {
            $($(#[$field_attribute])* $field_visibility $field: $kind,)*
        }

        impl $crate::FromRow for $name {
            fn from_row(row: &$crate::Row<'_>) -> Result<Self, $crate::StoreError> {
                Ok(Self { $($field: row.column(stringify!($name), stringify!($field))?,)* })
            }
        }
    };
}

/// A row of either database.
pub struct Row<'r>(Source<'r>);

enum Source<'r> {
    Sqlite {
        row: &'r rusqlite::Row<'r>,
        /// The names of the columns, cached because SQLite returns them one by one.
        columns: &'r [String],
        /// The likely position of the next column: most rows are read in column order.
        next: Place<usize>,
    },
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> Row<'r> {
    /// Returns the column with this name. `table` is the name of the row in errors.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] if the column does not exist or has an invalid value for `T`.
    pub fn column<T: Column>(&self, table: &'static str, column: &'static str) -> Result<T, StoreError> {
        self.cell(column)
            .and_then(T::read)
            .ok_or(StoreError::Inconsistent { table, column })
    }

    pub(crate) fn of_sqlite(row: &'r rusqlite::Row<'r>, columns: &'r [String]) -> Self {
        let next = Place::new(0);
        Self(Source::Sqlite { row, columns, next })
    }

    pub(crate) fn of_postgres(row: &'r tokio_postgres::Row) -> Self {
        Self(Source::Postgres(row))
    }

    fn cell(&self, column: &str) -> Option<Cell<'_>> {
        match &self.0 {
            Source::Sqlite { columns, next, .. } => {
                let likely = next.get();
                let index = match columns.get(likely) {
                    Some(name) if name == column => likely,
                    _ => columns.iter().position(|name| name == column)?,
                };
                next.set(index + 1);
                self.cell_at(index)
            }
            Source::Postgres(row) => row.try_get(column).ok(),
        }
    }

    pub(crate) fn cell_at(&self, index: usize) -> Option<Cell<'_>> {
        match &self.0 {
            Source::Sqlite { row, .. } => Cell::of_sqlite(row.get_ref(index).ok()?),
            Source::Postgres(row) => row.try_get(index).ok(),
        }
    }
}

impl<'r> Cell<'r> {
    fn of_sqlite(value: rusqlite::types::ValueRef<'r>) -> Option<Self> {
        use rusqlite::types::ValueRef;
        match value {
            ValueRef::Null => Some(Self::Null),
            ValueRef::Integer(integer) => Some(Self::Int(integer)),
            ValueRef::Text(text) => std::str::from_utf8(text).ok().map(Self::Text),
            ValueRef::Blob(bytes) => Some(Self::Bytes(bytes)),
            // The common dialect has no floating point.
            ValueRef::Real(_) => None,
        }
    }
}

type Refused = Box<dyn std::error::Error + Sync + Send>;

impl<'r> FromSql<'r> for Cell<'r> {
    fn from_sql(column: &Type, raw: &'r [u8]) -> Result<Self, Refused> {
        match *column {
            Type::BOOL => bool::from_sql(column, raw).map(Self::Bool),
            Type::INT2 => i16::from_sql(column, raw).map(|value| Self::Int(value.into())),
            Type::INT4 => i32::from_sql(column, raw).map(|value| Self::Int(value.into())),
            Type::INT8 => i64::from_sql(column, raw).map(Self::Int),
            Type::BYTEA => <&[u8]>::from_sql(column, raw).map(Self::Bytes),
            Type::UUID => Uuid::from_sql(column, raw).map(Self::Uuid),
            _ => <&str>::from_sql(column, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Refused> {
        Ok(Self::Null)
    }

    fn accepts(column: &Type) -> bool {
        matches!(
            *column,
            Type::BOOL | Type::INT2 | Type::INT4 | Type::INT8 | Type::BYTEA | Type::UUID
        ) || <&str as FromSql<'_>>::accepts(column)
    }
}

impl<T: Column> Column for Option<T> {
    fn read(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            present => T::read(present).map(Some),
        }
    }
}

macro_rules! readable {
    ($($kind:ty: $($pattern:pat => $made:expr),*;)*) => {
        $(impl Column for $kind {
            fn read(cell: Cell<'_>) -> Option<Self> {
                match cell {
                    $($pattern => $made,)*
                    _ => None,
                }
            }
        })*
    };
}

readable! {
    bool: Cell::Bool(value) => Some(value), Cell::Int(0) => Some(false), Cell::Int(1) => Some(true);
    i64: Cell::Int(value) => Some(value);
    String: Cell::Text(value) => Some(value.to_owned());
    Vec<u8>: Cell::Bytes(value) => Some(value.to_vec());
    Uuid: Cell::Uuid(value) => Some(value), Cell::Bytes(value) => Uuid::from_slice(value).ok();
}

/// A column of exactly this many bytes, such as a hash.
impl<const LENGTH: usize> Column for [u8; LENGTH] {
    fn read(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Bytes(value) => value.try_into().ok(),
            _ => None,
        }
    }
}
