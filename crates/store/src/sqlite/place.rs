//! The database file: its resolved path, folder and lock, and warnings about its location.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, StatVfsMountFlags, statvfs};
use rustix::process::geteuid;

use super::durable::Sync;
use crate::{OpenError, StoreError};

/// Returns the path in `sqlite://path`, relative or absolute, without decoding.
pub(super) fn path_of(url: &str) -> Result<PathBuf, OpenError> {
    let path = url.strip_prefix("sqlite://").unwrap_or_default();
    match path {
        "" | ":memory:" => Err(OpenError::Url(
            "sqlite:// must be followed by the path of a file".into(),
        )),
        _ if path.contains('?') => Err(OpenError::Url("sqlite:// URLs do not support parameters".into())),
        _ => Ok(PathBuf::from(path)),
    }
}

/// Refuses a missing or empty file, because opening it would create a database.
pub(super) fn exists(path: &Path) -> Result<(), OpenError> {
    match path.metadata() {
        Ok(found) if found.is_file() && found.len() == 0 => Err(OpenError::Missing { path: path.to_owned() }),
        Ok(_) => Ok(()),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Err(OpenError::Missing { path: path.to_owned() }),
        Err(why) => Err(refused(path, &why)),
    }
}

/// Resolves all symbolic links in the path. SQLite names the log after the resolved path, and so does the lock. The file
/// need not exist; its folder is created if necessary, for its owner only.
pub(super) fn settle(path: &Path) -> Result<PathBuf, OpenError> {
    let followed = follow(path)?;
    make(folder_of(&followed))?;
    without_links(&followed)
}

/// The same, without creating anything.
pub(super) fn find(path: &Path) -> Result<PathBuf, OpenError> {
    without_links(&follow(path)?)
}

/// Returns whether a path leads to the database or one of its companion files, under any name.
pub(super) fn is_part(database: &Path, path: &Path) -> bool {
    let parts = ["", "-wal", "-shm", "-journal", "-lock"].map(|ending| with_suffix(database, ending));
    let named = path.canonicalize().ok().or_else(|| without_links(path).ok());
    let identity = |path: &Path| path.metadata().map(|found| (found.dev(), found.ino())).ok();
    named.is_some_and(|named| parts.contains(&named))
        || identity(path).is_some_and(|this| parts.iter().any(|part| identity(part) == Some(this)))
}

/// Follows symbolic links in the last component of the path. Unlike `canonicalize`, this also works if the target does not
/// exist.
fn follow(path: &Path) -> Result<PathBuf, OpenError> {
    let mut followed = path.to_owned();
    for _ in 0..MOST_LINKS {
        let found = match followed.symlink_metadata() {
            Ok(found) => found,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(followed),
            Err(why) => return Err(refused(&followed, &why)),
        };
        if !found.is_symlink() {
            return check(&followed, &found).map(|()| followed);
        }
        let target = std::fs::read_link(&followed).map_err(|why| refused(&followed, &why))?;
        followed = folder_of(&followed).join(target);
    }
    Err(unusable(path, "its symbolic links form a loop"))
}

/// The limit of Linux (path_resolution(7)).
const MOST_LINKS: usize = 40;

fn check(path: &Path, found: &std::fs::Metadata) -> Result<(), OpenError> {
    if !found.is_file() {
        return Err(unusable(path, "it is not a file"));
    }
    match found.nlink() {
        0 | 1 => Ok(()),
        names => Err(OpenError::ManyNames {
            path: path.to_owned(),
            names,
        }),
    }
}

fn without_links(path: &Path) -> Result<PathBuf, OpenError> {
    let name = path.file_name().ok_or_else(|| unusable(path, "it is a directory"))?;
    let folder = folder_of(path);
    let folder = folder.canonicalize().map_err(|why| refused(folder, &why))?;
    Ok(folder.join(name))
}

fn make(folder: &Path) -> Result<(), OpenError> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|why| refused(folder, &why))
}

/// Creates an empty file for its owner only; SQLite gives its companion files the same mode. An existing file is not opened,
/// because closing it would release this process's locks on it.
pub(super) fn create(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(why) => Err(refused(path, &why)),
    }
}

/// Takes the lock of the server, in a file next to the database that is never removed. A symbolic link in its place is not
/// followed, because its target would be overwritten.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let lock_path = with_suffix(path, "-lock");
    let open = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(&lock_path);
    let mut file = match open {
        Ok(file) => file,
        Err(_) if lock_path.is_symlink() => return Err(unusable(&lock_path, "it is a symbolic link; remove it")),
        Err(why) => return Err(refused(&lock_path, &why)),
    };
    // A lock contains one number. Anything longer was put there by another program and is not overwritten.
    if file.metadata().is_ok_and(|found| found.len() > LONGEST_LOCK) {
        return Err(unusable(
            &lock_path,
            "it is not a lock file of Countersign; move it elsewhere",
        ));
    }
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
    written.map_err(|why| refused(&lock_path, &why))?;
    Ok(file)
}

/// A process ID and a line end.
const LONGEST_LOCK: u64 = 32;

/// Returns whether a server currently holds the lock next to the database.
pub(super) fn is_locked(path: &Path) -> bool {
    File::open(with_suffix(path, "-lock")).is_ok_and(|file| file.try_lock_shared().is_err())
}

/// Checks that the file system accepts writes: it is not mounted read-only and has free space.
pub(super) fn check_writable(path: &Path) -> Result<(), StoreError> {
    // If the file system cannot be examined, the next write shows.
    let Ok(disk) = statvfs(folder_of(path)) else {
        return Ok(());
    };
    if disk.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Err(StoreError::unavailable("its file system is mounted read-only"));
    }
    // The last blocks are reserved for root. File systems without a size report no blocks at all.
    let free = if geteuid().is_root() {
        disk.f_bfree
    } else {
        disk.f_bavail
    };
    if disk.f_blocks > 0 && free.saturating_mul(disk.f_frsize) < LEAST_ROOM {
        return Err(StoreError::unavailable("its disk is full"));
    }
    Ok(())
}

/// A commit that writes one page to the log takes 4 KiB, and a checkpoint may extend the file by the size of the log.
const LEAST_ROOM: u64 = 1 << 20;

/// Syncs the log. The log remains the same file while a connection is open. If it was unlinked all the same, writes to it
/// are lost, and the sync fails.
pub(super) fn log_sync(path: &Path) -> io::Result<Sync> {
    let log = File::open(with_suffix(path, "-wal"))?;
    Ok(Box::new(move || {
        log.sync_data()?;
        match log.metadata()?.nlink() {
            0 => Err(io::Error::other("the write-ahead log was removed while it was in use")),
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
            "{} is on a network file system ({kind}), whose locks and syncs are unreliable: the database may be damaged, or acknowledged writes may be lost. Use a local disk, or PostgreSQL.",
            path.display()
        ));
    }
    if std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        warnings.push(format!(
            "{} is readable by other users, but contains password hashes; restrict its permissions",
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

pub(super) fn unusable(path: &Path, why: &str) -> OpenError {
    OpenError::File {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

pub(super) fn with_suffix(path: &Path, ending: &str) -> PathBuf {
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
pub(super) fn network_file_system(folder: &Path) -> Option<&'static str> {
    // The kernel's magic numbers are 32 bits wide; the field's width differs between machines.
    let magic = rustix::fs::statfs(folder).ok()?.f_type as u32;
    NETWORK.iter().find(|(known, _)| *known == magic).map(|(_, name)| *name)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn network_file_system(_: &Path) -> Option<&'static str> {
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
        std::fs::write(with_suffix(&path, "-wal"), "log").unwrap();
        let mut sync = log_sync(&path).unwrap();
        sync().unwrap();
        std::fs::remove_file(with_suffix(&path, "-wal")).unwrap();
        assert!(sync().is_err());
    }
}
