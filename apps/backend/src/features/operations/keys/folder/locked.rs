//! Changes to a folder under its lock. After each step the folder is consistent.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use countersign_jose::{KeyError, RsaSigningKey, SymmetricKey};
use secrecy::{ExposeSecret, SecretString};

use super::contents::{FolderKeys, KeySet};
use super::files::{self, Secrecy};
use super::pair::{KeyPair, PublicHalf};
use super::place::{
    KeyFolder, NEXT, NEXT_PRIVATE, NEXT_PUBLIC, PRIVATE, PUBLIC, RETIRED, SEALING, retired_name, sealing_name,
};
use crate::core::clock::Timestamp;
use crate::core::sealing::SealingKey;
use crate::features::operations::keys::KeysError;

/// A locked folder. No other process changes it while this value exists.
pub(crate) struct Locked {
    folder: KeyFolder,
    _lock: File,
}

/// A newly created sealing key.
pub(crate) struct MadeSealing {
    pub(crate) id: String,
    /// The file name within the keys folder.
    pub(crate) name: String,
}

/// What happens to the current key when the next one replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Old {
    /// Its public half remains for verification.
    Retire,
    Discard,
}

impl Locked {
    pub(super) fn wait(folder: &KeyFolder) -> Result<Self, KeysError> {
        files::make_folder(folder.dir())?;
        let path = folder.path(".lock");
        // The mode does not matter: public files are not secret, private ones have their own modes, and any process
        // that can write to this folder may take the lock.
        let lock = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path);
        let lock = lock.map_err(|source| files::failure("open", &path, source))?;
        lock.lock().map_err(|source| files::failure("lock", &path, source))?;
        for place in ["", NEXT, RETIRED, SEALING] {
            files::remove_unfinished(&folder.path(place))?;
        }
        for place in ["", NEXT, RETIRED] {
            files::remove_unfinished(&folder.path(&RsaSigningKey::file(place)))?;
        }
        Ok(Self {
            folder: folder.clone(),
            _lock: lock,
        })
    }

    /// Finishes an activation that was interrupted by a crash, and writes missing public halves.
    pub(crate) fn repair(&self, keys: &FolderKeys) -> Result<(), KeysError> {
        self.repair_set(&keys.ec)?;
        keys.rsa.as_ref().map_or(Ok(()), |rsa| self.repair_set(rsa))
    }

    fn repair_set<K: KeyPair>(&self, keys: &KeySet<K>) -> Result<(), KeysError> {
        match &keys.next {
            None => self.remove_next::<K>()?,
            Some(next) => self.write_missing::<K>(NEXT_PUBLIC, next.public())?,
        }
        self.write_missing::<K>(PUBLIC, keys.current.public())
    }

    /// Writes the first key of its kind.
    pub(crate) fn write_first<K: KeyPair>(&self, key: &K) -> Result<(), KeysError> {
        if !K::PLACE.is_empty() {
            files::make_folder(&self.folder.path(K::PLACE))?;
        }
        self.write_pair(key, PRIVATE, PUBLIC)
    }

    /// Removes what [`Locked::write_first`] wrote.
    pub(crate) fn remove_first<K: KeyPair>(&self) -> Result<(), KeysError> {
        files::remove(&self.path::<K>(PUBLIC))?;
        files::remove(&self.path::<K>(PRIVATE))
    }

    /// Writes a next key if there is none.
    pub(crate) fn write_next<K: KeyPair>(&self, key: &K) -> Result<(), KeysError> {
        files::make_folder(&self.path::<K>(NEXT))?;
        self.write_pair(key, NEXT_PRIVATE, NEXT_PUBLIC)
    }

    /// Removes the next key.
    pub(crate) fn remove_next<K: KeyPair>(&self) -> Result<(), KeysError> {
        // The public half first, because a private half alone is still a valid key.
        files::remove(&self.path::<K>(NEXT_PUBLIC))?;
        files::remove(&self.path::<K>(NEXT_PRIVATE))?;
        files::remove_empty_folder(&self.path::<K>(NEXT))
    }

    /// Replaces the current key with the next one. At any time, a reader finds either the old key with the new one as next,
    /// or the new key. If this is interrupted, repeating it finishes the change ([`Locked::repair`] does so at the latest).
    pub(crate) fn promote_next<K: KeyPair>(&self, current: &K::Public, old: Old) -> Result<(), KeysError> {
        if old == Old::Retire {
            files::make_folder(&self.path::<K>(RETIRED))?;
            self.write_missing::<K>(&retired_name(current.id()), current)?;
        }
        // While it is missing, the public half is derived, so readers never find one that does not match.
        files::remove(&self.path::<K>(PUBLIC))?;
        files::replace(&self.path::<K>(NEXT_PRIVATE), &self.path::<K>(PRIVATE))?;
        if self.path::<K>(NEXT_PUBLIC).exists() {
            files::replace(&self.path::<K>(NEXT_PUBLIC), &self.path::<K>(PUBLIC))?;
        }
        files::remove_empty_folder(&self.path::<K>(NEXT))
    }

    /// Removes a retired key.
    pub(crate) fn remove_retired<K: KeyPair>(&self, kid: &str) -> Result<(), KeysError> {
        files::remove(&self.path::<K>(&retired_name(kid)))
    }

    /// Creates a sealing key in addition to the existing ones. Returns its id and file name.
    pub(crate) fn make_sealing(
        &self,
        passphrase: Option<&SecretString>,
        now: Timestamp,
    ) -> Result<MadeSealing, KeysError> {
        let passphrase = passphrase.map(|secret| secret.expose_secret().as_bytes());
        let made =
            SymmetricKey::generate().and_then(|key| Ok((key.to_pem(passphrase)?, SealingKey::new(key.expose()))));
        let (pem, key) = made.map_err(|source| KeysError::Unusable {
            path: self.folder.path(SEALING),
            source,
        })?;
        let name = sealing_name(now, key.id());
        files::make_folder(&self.folder.path(SEALING))?;
        files::write_new(&self.folder.path(&name), &pem, Secrecy::Private)?;
        let id = key.id().to_owned();
        Ok(MadeSealing { id, name })
    }

    /// Removes a sealing key by its file name.
    pub(crate) fn remove_sealing(&self, name: &str) -> Result<(), KeysError> {
        files::remove(&self.folder.path(name))?;
        files::remove_empty_folder(&self.folder.path(SEALING))
    }

    /// Writes the private half first, because it is a valid key on its own.
    fn write_pair<K: KeyPair>(&self, key: &K, private: &str, public: &str) -> Result<(), KeysError> {
        let path = self.path::<K>(private);
        let pem = key.write_pem().map_err(|source: KeyError| KeysError::Unusable {
            path: path.clone(),
            source,
        })?;
        files::write_new(&path, &pem, Secrecy::Private)?;
        files::write_new(&self.path::<K>(public), &key.public().write_pem(), Secrecy::Public)
    }

    fn write_missing<K: KeyPair>(&self, name: &str, key: &K::Public) -> Result<(), KeysError> {
        let path = self.path::<K>(name);
        match path.exists() {
            true => Ok(()),
            false => files::write_new(&path, &key.write_pem(), Secrecy::Public),
        }
    }

    fn path<K: KeyPair>(&self, name: &str) -> PathBuf {
        self.folder.path(&K::file(name))
    }
}
