//! The database file itself, which one server holds, whatever name it goes by.
//!
//! The lock beside the file goes by the file's name, and a name is not the file: it may be renamed while a server has it,
//! or be mounted at a second place. SQLite goes by the name as well, so a second process under another name keeps a log
//! of its own, and one of the two logs is lost. So a server locks the file itself too, by `flock`, which on Linux
//! knows nothing of SQLite's own locks.
//!
//! To lock it takes a descriptor, and closing any descriptor of the file drops all locks that SQLite has on it in this
//! process (fcntl(2)). So this one is closed when nothing else of this process has the file open. To know that is what
//! the table of this module is for: those locks belong to the process, and so does the table.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::place;
use crate::{OpenError, Role};

/// What a name stands for: a device, and a file on it.
type Identity = (u64, u64);

/// A file that this process has open.
struct Held {
    file: File,
    /// The path under which all of them have it open.
    path: PathBuf,
    claims: usize,
    is_served: bool,
}

static HELD: Mutex<BTreeMap<Identity, Held>> = Mutex::new(BTreeMap::new());

/// A database file that is in use by this process. To be dropped after SQLite's connections.
pub(super) struct Claim {
    identity: Identity,
    serves: bool,
}

impl Claim {
    /// Claims the file for a server, or makes sure for a command that no server has it under another name. None where
    /// the file system's locks cannot tell.
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
            // To write, as SQLite will: an overlay file system copies the file at that, and it is another one from then on.
            // A command that only reads may have no right to.
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

    /// Whether the path still names the file that was claimed.
    pub(super) fn holds(&self, path: &Path) -> bool {
        path.metadata().is_ok_and(|found| identity(&found) == self.identity)
    }
}

/// The first bytes of a database file. Where this process has it open, they are read through the descriptor that stays
/// open for as long; else none of this process's locks can fall.
pub(super) fn header(path: &Path) -> io::Result<[u8; 100]> {
    let table = table();
    let mut header = [0; 100];
    let read = match table.get(&identity(&path.metadata()?)) {
        Some(held) => held.file.read_exact_at(&mut header, 0),
        None => File::open(path)?.read_exact_at(&mut header, 0),
    };
    match read {
        // What is shorter is no database.
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
            // Where the lock beside it is held too, the server goes by this very name.
            Role::Admin if !self.is_served && !self.is_free() && !place::is_locked(path) => return Err(renamed()),
            Role::Admin => {}
        }
        self.claims += 1;
        Ok(())
    }

    /// A command that looks holds the file for an instant, which is waited out.
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
        // It fails only for a descriptor that is none.
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
