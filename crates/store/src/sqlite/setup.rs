//! How each connection is set up, and how the last one is ended.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::errors::store_error;
use crate::{Role, StoreError};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// To read and to write, with a log beside it. (SQLite opens what it may not write for reading alone.)
    Full,
    /// To read alone.
    ReadOnly,
    /// To read alone, with nobody else, and with the index of its log in memory.
    Alone,
    /// To read alone what nobody writes: without locks and without its log.
    Still,
}

/// The connection that writes; where nothing is to be written, one that cannot.
pub(super) fn writer(path: &Path, role: Role, manner: Manner, only_reads: bool) -> Result<Connection, StoreError> {
    if only_reads {
        return reader(path, manner);
    }
    let connection = open(path, manner)?;
    // SQLite opens what it may not write for reading alone, and says so at the first write.
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(store_error)? {
        return Err(StoreError::unavailable(
            "it is read-only, or this user may not write to it",
        ));
    }
    // Another process may be switching it to WAL at this moment, or recovering its log.
    connection.busy_timeout(Duration::from_secs(5)).map_err(store_error)?;
    let mode: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(store_error)?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(StoreError::unavailable(
            "its file system does not support a write-ahead log",
        ));
    }
    // Busy is answered at once from here on, and waited out as a task. Nothing is written to the log before its commit
    // (`cache_spill`), so that a sync SQLite makes by itself can only fail there, where `Open::commit` sees it.
    connection.busy_timeout(Duration::ZERO).map_err(store_error)?;
    connection
        .execute_batch("PRAGMA foreign_keys = ON; PRAGMA cache_size = -4096; PRAGMA cache_spill = OFF")
        .map_err(store_error)?;
    match role {
        // The log is synced by a thread of ours and checkpointed by another. A log that once grew is cut back.
        Role::Server => {
            connection
                .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 33554432")
                .map_err(store_error)?;
            connection
                .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
                .map_err(store_error)?;
        }
        Role::Admin => connection
            .execute_batch("PRAGMA synchronous = FULL")
            .map_err(store_error)?,
    }
    Ok(connection)
}

/// A connection that cannot write.
pub(super) fn reader(path: &Path, manner: Manner) -> Result<Connection, StoreError> {
    let connection = open(path, manner)?;
    // Readers wait for nobody in WAL mode, but for a moment of another process that opens or closes.
    connection.busy_timeout(Duration::from_secs(1)).map_err(store_error)?;
    connection
        .execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -2048")
        .map_err(store_error)?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(store_error)?;
    Ok(connection)
}

/// The connection that checkpoints.
pub(super) fn checkpointer(path: &Path) -> Result<Connection, StoreError> {
    let connection = open(path, Manner::Full)?;
    connection
        .busy_timeout(Duration::from_millis(500))
        .map_err(store_error)?;
    // NORMAL: a checkpoint syncs the log, then writes the database, then syncs that.
    connection
        .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -64")
        .map_err(store_error)?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(store_error)?;
    Ok(connection)
}

/// A connection that reads a whole database as it is at one moment. It never writes.
pub(crate) fn transfer(path: &Path, manner: Manner) -> Result<Connection, StoreError> {
    let connection = open(path, manner)?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(store_error)?;
    connection
        .execute_batch("PRAGMA query_only = ON")
        .map_err(store_error)?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(store_error)?;
    Ok(connection)
}

/// The names of the tables of a file, which is left as it is.
pub(super) fn tables(path: &Path, manner: Manner) -> Result<Vec<String>, StoreError> {
    let connection = open(path, manner)?;
    let names = || {
        let mut statement = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
        let names = statement.query_map([], |row| row.get(0))?;
        names.collect::<Result<_, _>>()
    };
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(store_error)?;
    names().map_err(store_error)
}

/// Ends the last connection of this process. If it is the last of all, SQLite checkpoints and removes the log.
pub(super) fn finish(connection: Connection) -> Result<(), StoreError> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
        .map_err(store_error)?;
    connection.flush_prepared_statement_cache();
    connection.close().map_err(|(_, why)| store_error(why))
}

/// No mapping of the file (`mmap_size` stays 0): a disk error would be a signal instead of an error.
#[expect(clippy::disallowed_methods, reason = "the one home of SQLite's driver")]
fn open(path: &Path, manner: Manner) -> Result<Connection, StoreError> {
    // Without SQLITE_OPEN_URI, so that a path is a path, and without CREATE: `place` has made the file.
    let (flags, rest) = (OpenFlags::SQLITE_OPEN_NO_MUTEX, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let opened = match manner {
        Manner::Full | Manner::Alone => Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE),
        Manner::ReadOnly => Connection::open_with_flags(path, flags | rest),
        Manner::Still => Connection::open_with_flags(still(path), flags | rest | OpenFlags::SQLITE_OPEN_URI),
    };
    let connection = opened.map_err(store_error)?;
    if manner == Manner::Alone {
        // Who finds others there does not wait for them.
        connection.busy_timeout(Duration::ZERO).map_err(store_error)?;
        // Before anything is read (SQLite, "Write-Ahead Logging", 8).
        connection
            .execute_batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA query_only = ON")
            .map_err(store_error)?;
    }
    connection
        .execute_batch("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY")
        .map_err(store_error)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// What stands for itself in a path (SQLite, "Uniform Resource Identifiers").
const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// A path as a URI.
fn still(path: &Path) -> String {
    let path = percent_encode(path.as_os_str().as_bytes(), &PLAIN);
    format!("file:{path}?immutable=1")
}

/// More than the program has, so that none is ever prepared twice on a connection.
const STATEMENTS: usize = 256;
