//! What a file is, before it is opened: nothing of it is changed, and nothing is made beside it.

use std::path::Path;

use rustix::fs::{Access, access};

use super::claim::{self, Claim};
use super::place;
use super::setup::{self, Manner};
use crate::own_tables::is_own;
use crate::{OpenError, Role, StoreError};

/// What the file of an `sqlite://` URL holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileContents {
    /// Nothing: there is no file, or no table in it.
    Nothing,
    /// The tables of this program: a record of migrations, or a transfer that did not end.
    Ours,
    /// Something else.
    Foreign,
}

/// Looks into the file of an `sqlite://` URL.
///
/// # Errors
/// [`OpenError`]: the URL is none of SQLite, or the file cannot be read.
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
    // Nobody who has it open lets it be had alone; then there is someone who keeps its log and its index in order.
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
            // A server that has the file under another name keeps its log, and all that was written, beside that name.
            Claim::take(&path, Role::Admin)?;
            FileContents::Nothing
        }
        false => FileContents::Foreign,
    })
}

/// How connections are opened that will only read.
pub(super) fn manner_to_read(path: &Path) -> Result<Manner, OpenError> {
    let has_index = place::beside(path, "-shm").exists();
    Ok(match Journal::of(path)? {
        // To read, it takes an index beside the file, which goes again with the last that reads.
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

/// Whether this user may write a file, or into a folder.
pub(super) fn may_write(path: &Path) -> bool {
    access(path, Access::WRITE_OK).is_ok()
}

/// Whether something is in the log that is not in the file yet.
pub(super) fn has_log(path: &Path) -> bool {
    place::beside(path, "-wal").metadata().is_ok_and(|log| log.len() > 0)
}

/// How a file keeps what is not committed.
#[derive(Clone, Copy)]
enum Journal {
    /// In a write-ahead log.
    Log { is_empty: bool },
    /// In a rollback journal: not as we do it.
    Rollback,
}

impl Journal {
    /// None where it is no SQLite file (SQLite, "Database File Format", 1.3).
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
