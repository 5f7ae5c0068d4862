//! Examines a file before it is opened, without changing it or creating other files.

use std::path::Path;

use rustix::fs::{Access, access};

use super::claim::{self, Claim};
use super::place;
use super::setup::{self, Manner};
use crate::own_tables::is_own;
use crate::{OpenError, Role, StoreError};

/// The content of the file of an `sqlite://` URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileContents {
    /// Nothing: no file, or no tables.
    Nothing,
    /// The tables of this program: a record of migrations, or an unfinished transfer.
    Ours,
    /// Something else.
    Foreign,
}

/// Examines the file of an `sqlite://` URL.
///
/// # Errors
/// [`OpenError`] if the URL is not for SQLite or the file cannot be read.
pub fn file_contents(url: &str) -> Result<FileContents, OpenError> {
    let named = place::path_of(url)?;
    match place::exists(&named) {
        Ok(()) => {}
        Err(OpenError::Missing { .. }) => return Ok(FileContents::Nothing),
        Err(why) => return Err(why),
    }
    let path = place::find(&named)?;
    let Some(journal) = Journal::of(&path)? else {
        return Ok(FileContents::Foreign);
    };
    let refused = |why: StoreError| place::unusable(&path, &why.to_string());
    // Exclusive access fails while another process has it open, which then maintains its log and index.
    let looked = match journal {
        Journal::Log { is_empty: false } => {
            setup::tables(&path, Manner::Alone).or_else(|_| setup::tables(&path, Manner::ReadOnly))
        }
        _ => setup::tables(&path, Manner::Still),
    };
    let tables = looked.map_err(refused)?;
    Ok(match tables.iter().any(|table| is_own(table)) {
        true => FileContents::Ours,
        false if tables.is_empty() => {
            // A server that uses the file under another name has its log, with recent writes, next to that name.
            Claim::take(&path, Role::Admin)?;
            FileContents::Nothing
        }
        false => FileContents::Foreign,
    })
}

/// How to open read-only connections.
pub(super) fn manner_to_read(path: &Path) -> Result<Manner, OpenError> {
    let has_index = place::with_suffix(path, "-shm").exists();
    Ok(match Journal::of(path)? {
        // Reading requires an index file, which is removed with the last reader.
        Some(Journal::Log { is_empty }) => {
            let can_have_index = has_index || (may_write(path) && may_write(place::folder_of(path)));
            match is_empty && !can_have_index {
                true => Manner::Still,
                false => Manner::Full,
            }
        }
        Some(Journal::Rollback) | None => Manner::ReadOnly,
    })
}

/// Returns whether this user may write to a file or folder.
pub(super) fn may_write(path: &Path) -> bool {
    access(path, Access::WRITE_OK).is_ok()
}

/// Returns whether the log contains data that is not in the file yet.
pub(super) fn has_log(path: &Path) -> bool {
    place::with_suffix(path, "-wal")
        .metadata()
        .is_ok_and(|log| log.len() > 0)
}

/// The journal mode of a file.
#[derive(Clone, Copy)]
enum Journal {
    /// A write-ahead log.
    Log { is_empty: bool },
    /// A rollback journal, which we do not use.
    Rollback,
}

impl Journal {
    /// Returns `None` if it is not a SQLite file (SQLite, "Database File Format", 1.3).
    fn of(path: &Path) -> Result<Option<Self>, OpenError> {
        let header = claim::header(path).map_err(|why| place::refused(path, &why))?;
        Ok(match (header.starts_with(b"SQLite format 3\0"), &header[18..20]) {
            (false, _) => None,
            (true, [2, 2]) => Some(Self::Log {
                is_empty: !has_log(path),
            }),
            (true, _) => Some(Self::Rollback),
        })
    }
}
