//! The tables that this crate creates in every database.

/// The record of applied migrations.
pub(crate) const MIGRATIONS: &str = "schema_migrations";
/// The mark of a database into which another one is being written.
pub(crate) const UNFINISHED_TRANSFER: &str = "unfinished_transfer";

/// Returns whether it is one of them.
pub(crate) fn is_own(table: &str) -> bool {
    table == MIGRATIONS || table == UNFINISHED_TRANSFER
}
