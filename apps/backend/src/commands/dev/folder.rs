//! The in-memory folder with the database and the keys of one `countersign dev`. It is removed on exit; the folder of a
//! killed process is removed at the next start.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, geteuid, test_kill_process};

/// The shared-memory file system of Linux, writable by all users.
const MEMORY: &str = "/dev/shm";
const NAME: &str = "countersign-dev-";
/// How many folders may have the same process ID. Containers that share the folder may each have a process 1.
const MOST_OF_ONE_NUMBER: u32 = 1000;

/// A folder that only its owner can access. It is removed when this value is dropped.
pub(super) struct MemoryFolder {
    path: PathBuf,
    /// Held while the process runs. Reliable even across PID namespaces, unlike the process ID.
    _lock: File,
}

impl MemoryFolder {
    /// Removes leftovers of exited processes and creates a folder, in memory if the system supports it, otherwise in
    /// the directory for temporary files.
    ///
    /// # Errors
    /// The error of the operating system for the last location tried.
    pub(super) fn make() -> io::Result<Self> {
        let places = places();
        for place in &places {
            remove_leftovers(place);
        }
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for place in &places {
            match Self::make_in(place) {
                Ok(folder) => return Ok(folder),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn make_in(place: &Path) -> io::Result<Self> {
        let number = std::process::id();
        let mut again = 0;
        loop {
            let path = match again {
                0 => place.join(format!("{NAME}{number}")),
                again => place.join(format!("{NAME}{number}-{again}")),
            };
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {
                    let lock = File::open(&path)?;
                    lock.lock()?;
                    return Ok(Self { path, _lock: lock });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && again < MOST_OF_ONE_NUMBER => again += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for MemoryFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, folder = %self.path.display(), "failed to remove the temporary folder");
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "macOS has no memory file system; its temporary folder is the user's own"
)]
fn places() -> [PathBuf; 2] {
    [PathBuf::from(MEMORY), std::env::temp_dir()]
}

/// Removes this user's folders whose process has exited. Other processes may do so at the same time, so a missing
/// folder is not an error.
fn remove_leftovers(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if number(&entry.file_name()).is_some_and(is_unused_or_mine) && is_own_folder(&path) && is_free(&path) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Returns the ID of the process that a folder is named after.
fn number(name: &OsStr) -> Option<u32> {
    let rest = name.to_str()?.strip_prefix(NAME)?;
    rest.split('-').next()?.parse().ok()
}

/// Reports whether the process has exited, or has this process's ID: this process has no folder yet, so such a folder
/// is left over from an earlier one.
fn is_unused_or_mine(number: u32) -> bool {
    let process = i32::try_from(number).ok().and_then(Pid::from_raw);
    number == std::process::id()
        || process.is_none_or(|process| test_kill_process(process) == Err(rustix::io::Errno::SRCH))
}

/// Reports whether the path is a folder of this user. In a world-writable directory, other users may have created a
/// link or a folder with this name.
fn is_own_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw())
}

/// Reports whether the folder is unlocked. The process ID may belong to a running process in another container, which
/// then holds the lock.
fn is_free(path: &Path) -> bool {
    File::open(path).is_ok_and(|folder| folder.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Never a valid process ID: the maximum on Linux is 4194304.
    const NOBODY: &str = "countersign-dev-999999999";

    #[test]
    fn a_folder_is_private_and_goes_with_its_value() {
        let place = tempfile::tempdir().unwrap();
        let folder = MemoryFolder::make_in(place.path()).unwrap();
        let second = MemoryFolder::make_in(place.path()).unwrap();
        assert_ne!(folder.path(), second.path());
        assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(folder.path().join("file"), "text").unwrap();
        drop((folder, second));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_our_own_unused_and_unlocked_folders_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        let living = format!("{NAME}{}", std::os::unix::process::parent_id());
        let locked = format!("{NOBODY}-1");
        for name in [
            NOBODY,
            &living,
            &locked,
            "countersign-dev-",
            "countersign-dev-x",
            "else-999999999",
        ] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::write(path(NOBODY).join("file"), "text").unwrap();
        std::os::unix::fs::symlink(path("else-999999999"), path("countersign-dev-999999998")).unwrap();
        let lock = File::open(path(&locked)).unwrap();
        lock.lock().unwrap();

        remove_leftovers(place.path());
        assert!(!path(NOBODY).exists());
        for name in [
            &living,
            &locked,
            "countersign-dev-",
            "countersign-dev-x",
            "else-999999999",
            "countersign-dev-999999998",
        ] {
            assert!(path(name).exists(), "{name}");
        }
        drop(lock);
        remove_leftovers(place.path());
        assert!(!path(&locked).exists());
    }
}
