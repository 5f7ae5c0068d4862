//! Values that can be bound to a placeholder, and how each database receives them.

use std::error::Error as StdError;

use rusqlite::types::{ToSqlOutput, ValueRef};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

/// A value for a placeholder. Times are integers, ids are UUIDs, hashes are bytes.
///
/// It has no `Debug`, because it may be secret.
#[derive(Clone)]
pub enum Value {
    /// No value.
    Null,
    /// `BOOLEAN`; on SQLite 0 or 1.
    Bool(bool),
    /// `BIGINT`.
    Int(i64),
    /// `TEXT`.
    Text(String),
    /// `BYTEA`.
    Bytes(Vec<u8>),
    /// `UUID`; on SQLite its 16 bytes.
    Uuid(Uuid),
}

/// Allows a newtype as a column and as a bound value: `column!(AccountId as Uuid);`.
#[macro_export]
macro_rules! column {
    ($newtype:ident as $inner:ty) => {
        impl $crate::Column for $newtype {
            fn read(cell: $crate::Cell<'_>) -> Option<Self> {
                <$inner as $crate::Column>::read(cell).map($newtype)
            }
        }

        impl From<$newtype> for $crate::Value {
            fn from(value: $newtype) -> Self {
                Self::from(value.0)
            }
        }
    };
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! bound {
    ($($source:ty => $variant:ident($value:ident) $made:expr;)*) => {
        $(impl From<$source> for Value {
            fn from($value: $source) -> Self {
                Self::$variant($made)
            }
        })*
    };
}

bound! {
    bool => Bool(value) value;
    i32 => Int(value) i64::from(value);
    u32 => Int(value) i64::from(value);
    i64 => Int(value) value;
    String => Text(value) value;
    &str => Text(value) value.to_owned();
    &String => Text(value) value.clone();
    Vec<u8> => Bytes(value) value;
    &[u8] => Bytes(value) value.to_vec();
    &Vec<u8> => Bytes(value) value.clone();
    Uuid => Uuid(value) value;
}

impl<const LENGTH: usize> From<[u8; LENGTH]> for Value {
    fn from(value: [u8; LENGTH]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<const LENGTH: usize> From<&[u8; LENGTH]> for Value {
    fn from(value: &[u8; LENGTH]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

/// The `Debug` that [`ToSql`] requires: the kind of a value, but not its content.
impl std::fmt::Debug for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Null => "Null",
            Self::Bool(_) => "Bool",
            Self::Int(_) => "Int",
            Self::Text(_) => "Text",
            Self::Bytes(_) => "Bytes",
            Self::Uuid(_) => "Uuid",
        })
    }
}

impl Value {
    /// The type for PostgreSQL if a statement is not prepared. PostgreSQL infers the type of a null.
    pub(crate) fn kind(&self) -> Type {
        match self {
            Self::Null => Type::UNKNOWN,
            Self::Bool(_) => Type::BOOL,
            Self::Int(_) => Type::INT8,
            Self::Text(_) => Type::TEXT,
            Self::Bytes(_) => Type::BYTEA,
            Self::Uuid(_) => Type::UUID,
        }
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Bool(value) => ValueRef::Integer(i64::from(*value)),
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
            Self::Uuid(value) => ValueRef::Blob(value.as_bytes()),
        }))
    }
}

impl ToSql for Value {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bool(value) if <bool as ToSql>::accepts(column) => value.to_sql(column, out),
            Self::Int(value) if *column == Type::INT4 => i32::try_from(*value)?.to_sql(column, out),
            Self::Int(value) if *column == Type::INT2 => i16::try_from(*value)?.to_sql(column, out),
            Self::Int(value) if <i64 as ToSql>::accepts(column) => value.to_sql(column, out),
            Self::Text(value) if <String as ToSql>::accepts(column) => value.to_sql(column, out),
            Self::Bytes(value) if <Vec<u8> as ToSql>::accepts(column) => value.to_sql(column, out),
            Self::Uuid(value) if <Uuid as ToSql>::accepts(column) => value.to_sql(column, out),
            other => Err(format!("a value of kind {other:?} for a placeholder of type {column}").into()),
        }
    }

    /// `to_sql` checks each kind, so that it can report a mismatch.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
