//! Single files: read with a check of their permissions, written atomically, never overwritten.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::super::KeysError;
use crate::settings::regular_file;

/// The prefix of a file that is still being written. Readers ignore names that begin with a dot.
pub(super) const UNFINISHED: &str = ".new-";

/// The maximum length of a key; longer files are truncated and then invalid.
const MAX_LENGTH: u64 = 64 * 1024;
const OTHERS: u32 = 0o007;

/// Whether a file is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrecy {
    Private,
    Public,
}

/// Returns the file's bytes, or `None` if it does not exist. Links are followed and the permissions of their target count,
/// because orchestrators mount secrets as links.
pub(super) fn read(path: &Path, secrecy: Secrecy) -> Result<Option<Zeroizing<Vec<u8>>>, KeysError> {
    let failed = |source| failure("read", path, source);
    let file = match regular_file::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // Of the open file, because the path may name another one by now.
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if secrecy == Secrecy::Private && mode & OTHERS != 0 {
        return Err(KeysError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    file.take(MAX_LENGTH).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

/// Writes a new file atomically and durably, if none of this name exists.
pub(super) fn write_new(path: &Path, text: &str, secrecy: Secrecy) -> Result<(), KeysError> {
    let unfinished = unfinished_path(path);
    let written = write_unfinished(&unfinished, text, secrecy).and_then(|()| name_it(&unfinished, path));
    // A rename has already removed it; the next change removes anything else.
    let _ = fs::remove_file(&unfinished);
    written
        .and_then(|()| sync_folder_of(path))
        .map_err(|source| failure("write", path, source))
}

/// Moves a file durably and replaces an existing one.
pub(super) fn replace(from: &Path, to: &Path) -> Result<(), KeysError> {
    fs::rename(from, to)
        .and_then(|()| sync_folder_of(to))
        .and_then(|()| sync_folder_of(from))
        .map_err(|source| failure("replace", to, source))
}

/// Removes a file durably, if it exists.
pub(super) fn remove(path: &Path) -> Result<(), KeysError> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder_of(path).map_err(|source| failure("remove", path, source)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(source) => Err(failure("remove", path, source)),
    }
}

/// Removes a folder if it exists and is empty.
pub(super) fn remove_empty_folder(path: &Path) -> Result<(), KeysError> {
    match fs::remove_dir(path) {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
            Err(failure("remove", path, error))
        }
        _ => Ok(()),
    }
}

/// Creates a folder and its parents, readable only by the owner, if it does not exist.
pub(super) fn make_folder(path: &Path) -> Result<(), KeysError> {
    if path.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.and_then(|()| sync_folder_of(path))
        .map_err(|source| failure("make", path, source))
}

/// Returns the names in a folder except those that begin with a dot; empty if the folder does not exist.
pub(super) fn names(path: &Path) -> Result<Vec<String>, KeysError> {
    let mut names = all_names(path)?;
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

/// Removes unfinished files of a crashed process.
pub(super) fn remove_unfinished(folder: &Path) -> Result<(), KeysError> {
    for name in all_names(folder)? {
        if name.starts_with(UNFINISHED) {
            remove(&folder.join(name))?;
        }
    }
    Ok(())
}

pub(super) fn failure(doing: &'static str, path: &Path, source: io::Error) -> KeysError {
    KeysError::File {
        doing,
        path: path.to_owned(),
        source,
    }
}

fn all_names(path: &Path) -> Result<Vec<String>, KeysError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(source) => return Err(failure("list", path, source)),
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    names
        .collect::<Result<_, _>>()
        .map_err(|source| failure("list", path, source))
}

fn write_unfinished(path: &Path, text: &str, secrecy: Secrecy) -> io::Result<()> {
    let mode = match secrecy {
        Secrecy::Private => 0o600,
        Secrecy::Public => 0o644,
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // The umask may have removed permissions of a public file.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Gives the finished file its name. Unlike a rename, a hard link never replaces an existing file. On network file systems
/// without hard links, the lock has to suffice.
fn name_it(unfinished: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(unfinished, path) {
        Err(error)
            if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) && !path.exists() =>
        {
            fs::rename(unfinished, path)
        }
        named => named,
    }
}

/// Returns the path of the unfinished file. Only the holder of the lock writes, one file at a time.
fn unfinished_path(path: &Path) -> std::path::PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{UNFINISHED}{name}"))
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
