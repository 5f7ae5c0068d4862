//! Ensures that only one server uses a database file, whatever its name.
//!
//! The lock file is named after the database file, which may be renamed while a server uses it, or be mounted at a second place.
//! SQLite also uses the name, so a process with another name has a separate log, and one of the logs is lost. A server therefore
//! also locks the file itself with `flock`, which on Linux is independent of SQLite's locks.
//!
//! Locking needs a descriptor, and closing any descriptor of the file releases all of SQLite's locks in this process
//! (fcntl(2)). So the descriptor is closed only when nothing else in this process has the file open. The table in this module tracks that; it is
//! global because those locks belong to the process.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::place;
use crate::{OpenError, Role};

/// The identity of a file: its device and inode.
type Identity = (u64, u64);

/// A file that this process has open.
struct Held {
    file: File,
    /// The path under which it is open.
    path: PathBuf,
    claims: usize,
    is_served: bool,
}

static HELD: Mutex<BTreeMap<Identity, Held>> = Mutex::new(BTreeMap::new());

/// A database file used by this process. Drop it after SQLite's connections.
pub(super) struct Claim {
    identity: Identity,
    serves: bool,
}

impl Claim {
    /// Claims the file for a server, or ensures for a command that no server uses it under another name. `None` if
    /// that cannot be told: on a network file system, or outside Linux.
    pub(super) fn take(path: &Path, role: Role) -> Result<Option<Self>, OpenError> {
        if !cfg!(target_os = "linux") || place::network_file_system(place::folder_of(path)).is_some() {
            return Ok(None);
        }
        let failed = |why| place::refused(path, &why);
        let mut found = identity(&path.metadata().map_err(failed)?);
        let mut table = table();
        if let Some(held) = table.get_mut(&found) {
            held.join(path, role)?;
        } else {
            // Opened for writing, like SQLite: an overlay file system then copies the file, which is another one from then on.
            // A command that only reads may not be allowed to.
            let file = File::options().read(true).write(true).open(path);
            let file = match role {
                Role::Server => file,
                Role::Admin => file.or_else(|_| File::open(path)),
            };
            let file = file.map_err(failed)?;
            found = identity(&file.metadata().map_err(failed)?);
            let mut held = Held {
                file,
                path: path.to_owned(),
                claims: 0,
                is_served: false,
            };
            held.join(path, role)?;
            table.insert(found, held);
        }
        let serves = role == Role::Server;
        Ok(Some(Self {
            identity: found,
            serves,
        }))
    }

    /// Returns whether the path still names the claimed file.
    pub(super) fn holds(&self, path: &Path) -> bool {
        path.metadata().is_ok_and(|found| identity(&found) == self.identity)
    }
}

/// Reads the first bytes of a database file. If this process has it open, they are read through that descriptor; otherwise there
/// are no locks to lose.
pub(super) fn header(path: &Path) -> io::Result<[u8; 100]> {
    let table = table();
    let mut header = [0; 100];
    let read = match table.get(&identity(&path.metadata()?)) {
        Some(held) => held.file.read_exact_at(&mut header, 0),
        None => File::open(path)?.read_exact_at(&mut header, 0),
    };
    match read {
        // A shorter file is not a database.
        Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => Ok([0; 100]),
        read => read.map(|()| header),
    }
}

impl Held {
    fn join(&mut self, path: &Path, role: Role) -> Result<(), OpenError> {
        let renamed = || OpenError::OtherName { path: path.to_owned() };
        if self.path != path {
            return Err(renamed());
        }
        match role {
            Role::Server if self.is_served || !self.lock() => return Err(renamed()),
            Role::Server => self.is_served = true,
            // If the lock file is locked too, the server uses this name.
            Role::Admin if !self.is_served && !self.is_free() && !place::is_locked(path) => return Err(renamed()),
            Role::Admin => {}
        }
        self.claims += 1;
        Ok(())
    }

    /// Locks the file, waiting briefly: a command that checks holds the lock for a moment.
    #[expect(clippy::disallowed_methods, reason = "at the start, for half a second at most")]
    fn lock(&self) -> bool {
        for _ in 0..50 {
            if self.file.try_lock().is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    fn is_free(&self) -> bool {
        let is_free = self.file.try_lock_shared().is_ok();
        // It fails only for an invalid descriptor.
        let _ = self.file.unlock();
        is_free
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut table = table();
        let Some(held) = table.get_mut(&self.identity) else {
            return;
        };
        held.claims -= 1;
        if self.serves {
            held.is_served = false;
            let _ = held.file.unlock();
        }
        if held.claims == 0 {
            table.remove(&self.identity);
        }
    }
}

fn identity(found: &Metadata) -> Identity {
    (found.dev(), found.ino())
}

fn table() -> MutexGuard<'static, BTreeMap<Identity, Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}
