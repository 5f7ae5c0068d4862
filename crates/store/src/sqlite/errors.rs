//! Maps SQLite's errors for callers.

use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC};

use crate::StoreError;

/// Returns the error for callers. SQLite's texts contain tables and columns, never values.
pub(crate) fn store_error(why: rusqlite::Error) -> StoreError {
    match why.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory,
        ) => StoreError::unavailable(why.to_string()),
        _ => StoreError::database(why.to_string()),
    }
}

/// Returns whether another process holds the requested lock.
pub(super) fn is_busy(why: &rusqlite::Error) -> bool {
    matches!(
        why.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// Returns whether a sync by SQLite itself has failed.
pub(super) fn is_failed_sync(why: &rusqlite::Error) -> bool {
    let code = why.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(SQLITE_IOERR_FSYNC | SQLITE_IOERR_DIR_FSYNC))
}

/// Returns whether the condition is temporary: another process is active, a reader is slow, or the disk is full.
pub(super) fn passes(why: &rusqlite::Error) -> bool {
    is_busy(why) || why.sqlite_error_code() == Some(ErrorCode::DiskFull)
}
