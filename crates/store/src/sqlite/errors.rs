//! What SQLite's errors mean to a caller.

use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC};

use crate::StoreError;

/// The error as a caller sees it. SQLite's texts name tables and columns, never values.
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

/// Another process holds the lock that was asked for.
pub(super) fn is_busy(why: &rusqlite::Error) -> bool {
    matches!(
        why.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// A sync that SQLite made by itself has failed.
pub(super) fn is_failed_sync(why: &rusqlite::Error) -> bool {
    let code = why.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(SQLITE_IOERR_FSYNC | SQLITE_IOERR_DIR_FSYNC))
}

/// Something that passes: another process at work, a reader that is slow, a disk that is full.
pub(super) fn passes(why: &rusqlite::Error) -> bool {
    is_busy(why) || why.sqlite_error_code() == Some(ErrorCode::DiskFull)
}
