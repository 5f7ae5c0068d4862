//! Where the file lies: its path, its folder, its lock, and what is dangerous about the place.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::durable::Sync;
use crate::OpenError;

/// The path in `sqlite://path`, relative or absolute, taken as it stands.
pub(super) fn path_of(url: &str) -> Result<PathBuf, OpenError> {
    let path = url.strip_prefix("sqlite://").unwrap_or_default();
    match path {
        "" | ":memory:" => Err(OpenError::Url("after sqlite:// comes the path of a file".into())),
        _ if path.contains('?') => Err(OpenError::Url("an sqlite:// URL takes no parameters".into())),
        _ => Ok(PathBuf::from(path)),
    }
}

/// Makes the folder, if need be, for the owner alone.
pub(super) fn make(path: &Path) -> Result<(), OpenError> {
    let folder = folder_of(path);
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|why| refused(folder, &why))
}

/// Makes an empty file for its owner alone; SQLite gives its companions the same mode. A file that exists is not
/// opened: to close it again would drop the locks that this process may hold on it.
pub(super) fn create(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(why) => Err(refused(path, &why)),
    }
}

/// Takes the lock that one server holds, in a file beside the database that is never removed.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let beside = beside(path, "-lock");
    let open = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&beside);
    let mut file = open.map_err(|why| refused(&beside, &why))?;
    if file.try_lock().is_err() {
        let mut text = String::new();
        let process = file
            .read_to_string(&mut text)
            .ok()
            .and_then(|_| text.trim().parse().ok());
        return Err(OpenError::InUse {
            path: path.to_owned(),
            process,
        });
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(|why| refused(&beside, &why))?;
    Ok(file)
}

/// How the log is synced. The log stays one and the same file for as long as a connection is open; if it was unlinked
/// all the same, what is written to it is lost, and the sync says so.
pub(super) fn log_sync(path: &Path) -> io::Result<Sync> {
    let log = File::open(beside(path, "-wal"))?;
    Ok(Box::new(move || {
        log.sync_data()?;
        match log.metadata()?.nlink() {
            0 => Err(io::Error::other(
                "the log of the database was removed while it was in use",
            )),
            _ => Ok(()),
        }
    }))
}

/// Makes the names in the folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

pub(super) fn warnings(path: &Path) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(kind) = network_file_system(folder_of(path)) {
        warnings.push(format!(
            "{} lies on a network file system ({kind}): its locks and syncs cannot be trusted, and the database may be \
             damaged or lose what was answered. Use a local disk, or PostgreSQL.",
            path.display()
        ));
    }
    if std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        warnings.push(format!(
            "{} can be read by others than its owner; it holds password hashes.",
            path.display()
        ));
    }
    warnings
}

pub(super) fn refused(path: &Path, why: &io::Error) -> OpenError {
    OpenError::File {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(target_os = "linux")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "magic numbers have 32 bits"
)]
fn network_file_system(folder: &Path) -> Option<&'static str> {
    // The kernel's magic numbers are 32 bits wide; the field's width differs between machines.
    let magic = rustix::fs::statfs(folder).ok()?.f_type as u32;
    NETWORK.iter().find(|(known, _)| *known == magic).map(|(_, name)| *name)
}

#[cfg(not(target_os = "linux"))]
fn network_file_system(_: &Path) -> Option<&'static str> {
    None
}

/// `linux/magic.h`, and the file systems' own headers.
#[cfg(target_os = "linux")]
const NETWORK: [(u32, &str); 11] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x0102_1997, "9P"),
    (0x00C3_6400, "Ceph"),
    (0x5346_414F, "AFS"),
    (0x6573_5546, "FUSE, which may be one"),
    (0x0BD0_0BD0, "Lustre"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_stands() {
        assert_eq!(path_of("sqlite://data/a b.db").unwrap(), Path::new("data/a b.db"));
        assert_eq!(path_of("sqlite:///var/lib/a.db").unwrap(), Path::new("/var/lib/a.db"));
        for refused in ["sqlite://", "sqlite:a.db", "sqlite://:memory:", "sqlite://a.db?mode=ro"] {
            assert!(matches!(path_of(refused), Err(OpenError::Url(_))), "{refused}");
        }
    }

    #[test]
    fn a_removed_log_fails_its_sync() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        std::fs::write(beside(&path, "-wal"), "log").unwrap();
        let mut sync = log_sync(&path).unwrap();
        sync().unwrap();
        std::fs::remove_file(beside(&path, "-wal")).unwrap();
        assert!(sync().is_err());
    }
}
