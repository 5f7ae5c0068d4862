//! Single files: read with their permissions looked at, written whole or not at all, never written over.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::super::KeysError;

/// Begins the name of a file that is still being written. Readers step over names with a dot.
pub(super) const UNFINISHED: &str = ".new-";

/// No key is longer; what is longer is cut, and is then no key.
const MAX_LENGTH: u64 = 64 * 1024;
const OTHERS: u32 = 0o007;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrecy {
    Private,
    Public,
}

/// The file's bytes, or `None` where there is no such file. Links are followed: the permissions of the file behind
/// them count, since orchestrators mount secrets as links.
pub(super) fn read(path: &Path, secrecy: Secrecy) -> Result<Option<Zeroizing<Vec<u8>>>, KeysError> {
    let failed = |source| failure("read", path, source);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // Of the file that is open, not of whatever the path names by now.
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

/// Writes a new file: whole, on the disk, and only if there is none of this name.
pub(super) fn write_new(path: &Path, text: &str, secrecy: Secrecy) -> Result<(), KeysError> {
    let unfinished = beside(path);
    let written = write_unfinished(&unfinished, text, secrecy).and_then(|()| name_it(&unfinished, path));
    // A rename has taken it away already; what else stays behind, the next change removes.
    let _ = fs::remove_file(&unfinished);
    written
        .and_then(|()| sync_folder_of(path))
        .map_err(|source| failure("write", path, source))
}

/// Moves a file, replacing what is there; on the disk when it returns.
pub(super) fn replace(from: &Path, to: &Path) -> Result<(), KeysError> {
    fs::rename(from, to)
        .and_then(|()| sync_folder_of(to))
        .and_then(|()| sync_folder_of(from))
        .map_err(|source| failure("replace", to, source))
}

/// Removes a file, if it is there; on the disk when it returns.
pub(super) fn remove(path: &Path) -> Result<(), KeysError> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder_of(path).map_err(|source| failure("remove", path, source)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(source) => Err(failure("remove", path, source)),
    }
}

/// Removes a folder, if it is there and empty.
pub(super) fn remove_empty_folder(path: &Path) -> Result<(), KeysError> {
    match fs::remove_dir(path) {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
            Err(failure("remove", path, error))
        }
        _ => Ok(()),
    }
}

/// Makes a folder that only its owner sees into, with its parents, if it is not there.
pub(super) fn make_folder(path: &Path) -> Result<(), KeysError> {
    if path.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.and_then(|()| sync_folder_of(path))
        .map_err(|source| failure("make", path, source))
}

/// The names in a folder, without those that begin with a dot; none where there is no folder.
pub(super) fn names(path: &Path) -> Result<Vec<String>, KeysError> {
    let mut names = all_names(path)?;
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    Ok(names)
}

/// Removes what a crash left unfinished.
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
    // The umask may have taken away what a public file is to have.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A hard link, unlike a rename, never replaces what is there. Some network file systems know none; there the lock
/// has to do.
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

/// Only the holder of the lock writes, and it writes one file at a time.
fn beside(path: &Path) -> std::path::PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{UNFINISHED}{name}"))
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
