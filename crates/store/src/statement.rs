//! A statement and its values.

use uuid::Uuid;

use crate::{Sql, Value};

/// Creates a statement: `query(sql!("…")).bind(id).optional(db).await`.
pub fn query(sql: &'static Sql) -> Query {
    Query {
        sql,
        values: Vec::new(),
        ids: None,
    }
}

/// A statement and the values bound so far.
#[must_use = "a statement does nothing until it is run"]
pub struct Query {
    pub(crate) sql: &'static Sql,
    pub(crate) values: Vec<Value>,
    /// What a [`Lookup`](crate::Lookup) on PostgreSQL binds instead: an array, which SQLite does not have.
    pub(crate) ids: Option<Vec<Uuid>>,
}

impl Query {
    /// Creates a statement whose only placeholder is an array of ids.
    pub(crate) fn by_ids(sql: &'static Sql, ids: Vec<Uuid>) -> Self {
        let values = Vec::new();
        Self {
            sql,
            values,
            ids: Some(ids),
        }
    }

    /// Binds the next placeholder: the first call `$1`, the second `$2`, and so on.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }
}
