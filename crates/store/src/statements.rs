//! The list of all statements.

use crate::sql::STATEMENTS;
use crate::{Sql, examine, migrate, transfer};

/// Returns all statements of the program, for a test that prepares each on both databases.
pub fn statements() -> impl Iterator<Item = &'static Sql> {
    let own = migrate::STATEMENTS.iter().chain(&transfer::STATEMENTS);
    let own = own.chain(&examine::STATEMENTS);
    STATEMENTS.iter().chain(own.copied())
}
