//! A statement and its values.

use crate::{Sql, Value};

/// Creates a statement: `query(sql!("…")).bind(id).optional(db).await`.
pub fn query(sql: &'static Sql) -> Query {
    Query {
        sql,
        values: Vec::new(),
    }
}

/// A statement and the values bound so far.
#[must_use = "a statement does nothing until it is run"]
pub struct Query {
    pub(crate) sql: &'static Sql,
    pub(crate) values: Vec<Value>,
}

impl Query {
    /// Binds the next placeholder: the first call `$1`, the second `$2`, and so on.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }
}
