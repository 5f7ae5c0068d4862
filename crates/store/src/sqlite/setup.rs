//! How connections are set up, and how the last one is closed.

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
    /// Read and write, with a log next to the file. (SQLite opens a file that it may not write read-only.)
    Full,
    /// Read-only.
    ReadOnly,
    /// Read-only and exclusive, with the log's index in memory.
    Alone,
    /// Read-only, for a file that no one writes: without locks and without its log.
    Still,
}

/// Opens the connection that writes; if nothing is to be written, one that cannot write.
pub(super) fn writer(path: &Path, role: Role, manner: Manner, only_reads: bool) -> Result<Connection, StoreError> {
    if only_reads {
        return reader(path, manner);
    }
    let connection = open(path, manner)?;
    // SQLite opens a file that it may not write read-only, and reports that at the first write.
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(store_error)? {
        return Err(StoreError::unavailable(
            "it is read-only, or this user may not write to it",
        ));
    }
    // Another process may be switching the file to WAL at this moment, or recovering its log.
    connection.busy_timeout(Duration::from_secs(5)).map_err(store_error)?;
    let mode: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(store_error)?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(StoreError::unavailable(
            "its file system does not support a write-ahead log",
        ));
    }
    // From here on, busy is reported at once and waited out in a task. Nothing is written to the log before its commit
    // (`cache_spill`), so a sync that SQLite makes by itself can only fail there, where `Open::commit` sees it.
    connection.busy_timeout(Duration::ZERO).map_err(store_error)?;
    connection
        .execute_batch("PRAGMA foreign_keys = ON; PRAGMA cache_size = -4096; PRAGMA cache_spill = OFF")
        .map_err(store_error)?;
    match role {
        // Our own threads sync and checkpoint the log. A log that has grown is truncated.
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

/// Opens a connection that cannot write.
pub(super) fn reader(path: &Path, manner: Manner) -> Result<Connection, StoreError> {
    let connection = open(path, manner)?;
    // In WAL mode, readers only wait briefly while another process opens or closes the database.
    connection.busy_timeout(Duration::from_secs(1)).map_err(store_error)?;
    connection
        .execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -2048")
        .map_err(store_error)?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(store_error)?;
    Ok(connection)
}

/// Opens the connection that checkpoints.
pub(super) fn checkpointer(path: &Path) -> Result<Connection, StoreError> {
    let connection = open(path, Manner::Full)?;
    connection
        .busy_timeout(Duration::from_millis(500))
        .map_err(store_error)?;
    // NORMAL: a checkpoint syncs the log, writes the database, and then syncs the database.
    connection
        .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -64")
        .map_err(store_error)?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(store_error)?;
    Ok(connection)
}

/// Opens a connection that reads a whole database as of one moment. It never writes.
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

/// Returns the names of the tables of a file without changing it.
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

/// Closes the last connection of this process. If it is the last of all processes, SQLite checkpoints and removes the
/// log.
pub(super) fn finish(connection: Connection) -> Result<(), StoreError> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
        .map_err(store_error)?;
    connection.flush_prepared_statement_cache();
    connection.close().map_err(|(_, why)| store_error(why))
}

/// The file is not memory-mapped (`mmap_size` stays 0), because a disk error would then raise a signal instead of an
/// error.
#[expect(clippy::disallowed_methods, reason = "the one home of SQLite's driver")]
fn open(path: &Path, manner: Manner) -> Result<Connection, StoreError> {
    // Without SQLITE_OPEN_URI, so that the path is taken literally, and without CREATE, because `place` has created the
    // file.
    let (flags, rest) = (OpenFlags::SQLITE_OPEN_NO_MUTEX, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let opened = match manner {
        Manner::Full | Manner::Alone => Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE),
        Manner::ReadOnly => Connection::open_with_flags(path, flags | rest),
        Manner::Still => Connection::open_with_flags(still(path), flags | rest | OpenFlags::SQLITE_OPEN_URI),
    };
    let connection = opened.map_err(store_error)?;
    if manner == Manner::Alone {
        // If other processes use the file, exclusive access fails without waiting.
        connection.busy_timeout(Duration::ZERO).map_err(store_error)?;
        // Before anything is read (SQLite, "Write-Ahead Logging", 8).
        connection
            .execute_batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA query_only = ON")
            .map_err(store_error)?;
    }
    connection
        .execute_batch("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY")
        .map_err(store_error)?;
    // Plans do not depend on bound values, so no statement is prepared again when they change.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(store_error)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// The characters that need no escaping in a path (SQLite, "Uniform Resource Identifiers").
const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// Returns a path as a URI.
fn still(path: &Path) -> String {
    let path = percent_encode(path.as_os_str().as_bytes(), &PLAIN);
    format!("file:{path}?immutable=1")
}

/// More than the program has, so that no statement is prepared twice on a connection.
const STATEMENTS: usize = 256;
