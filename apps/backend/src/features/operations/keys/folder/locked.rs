//! Changes to a folder under its lock. After each step the folder is consistent.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;

use countersign_jose::{KeyError, SigningKey, SymmetricKey, VerifyingKey};

use secrecy::{ExposeSecret, SecretString};

use super::FolderKeys;
use super::files::{self, Secrecy};
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
        files::remove_unfinished(folder.dir())?;
        files::remove_unfinished(&folder.path(NEXT))?;
        files::remove_unfinished(&folder.path(RETIRED))?;
        files::remove_unfinished(&folder.path(SEALING))?;
        Ok(Self {
            folder: folder.clone(),
            _lock: lock,
        })
    }

    /// Finishes an activation that was interrupted by a crash, and writes missing public halves.
    pub(crate) fn repair(&self, keys: &FolderKeys) -> Result<(), KeysError> {
        if keys.next.is_none() {
            self.remove_next()?;
        }
        if let Some(next) = &keys.next {
            self.write_missing(NEXT_PUBLIC, next.verifying_key())?;
        }
        self.write_missing(PUBLIC, keys.current.verifying_key())
    }

    /// Writes the first key of a folder.
    pub(crate) fn write_first(&self, key: &SigningKey) -> Result<(), KeysError> {
        self.write_pair(key, PRIVATE, PUBLIC)
    }

    /// Removes what [`Locked::write_first`] wrote.
    pub(crate) fn remove_first(&self) -> Result<(), KeysError> {
        files::remove(&self.folder.path(PUBLIC))?;
        files::remove(&self.folder.path(PRIVATE))
    }

    /// Writes a next key if there is none.
    pub(crate) fn write_next(&self, key: &SigningKey) -> Result<(), KeysError> {
        files::make_folder(&self.folder.path(NEXT))?;
        self.write_pair(key, NEXT_PRIVATE, NEXT_PUBLIC)
    }

    /// Removes the next key.
    pub(crate) fn remove_next(&self) -> Result<(), KeysError> {
        // The public half first, because a private half alone is still a valid key.
        files::remove(&self.folder.path(NEXT_PUBLIC))?;
        files::remove(&self.folder.path(NEXT_PRIVATE))?;
        files::remove_empty_folder(&self.folder.path(NEXT))
    }

    /// Replaces the current key with the next one. At any time, a reader finds either the old key with the new one as next,
    /// or the new key. If this is interrupted, repeating it finishes the change ([`Locked::repair`] does so at the latest).
    pub(crate) fn promote_next(&self, current: &VerifyingKey, old: Old) -> Result<(), KeysError> {
        if old == Old::Retire {
            files::make_folder(&self.folder.path(RETIRED))?;
            self.write_missing(&retired_name(current.kid()), current)?;
        }
        // While it is missing, the public half is derived, so readers never find one that does not match.
        files::remove(&self.folder.path(PUBLIC))?;
        files::replace(&self.folder.path(NEXT_PRIVATE), &self.folder.path(PRIVATE))?;
        if self.folder.path(NEXT_PUBLIC).exists() {
            files::replace(&self.folder.path(NEXT_PUBLIC), &self.folder.path(PUBLIC))?;
        }
        files::remove_empty_folder(&self.folder.path(NEXT))
    }

    /// Removes a retired key.
    pub(crate) fn remove_retired(&self, kid: &str) -> Result<(), KeysError> {
        files::remove(&self.folder.path(&retired_name(kid)))
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
    fn write_pair(&self, key: &SigningKey, private: &str, public: &str) -> Result<(), KeysError> {
        let path = self.folder.path(private);
        let pem = key.to_pkcs8_pem().map_err(|source: KeyError| KeysError::Unusable {
            path: path.clone(),
            source,
        })?;
        files::write_new(&path, &pem, Secrecy::Private)?;
        files::write_new(
            &self.folder.path(public),
            &key.verifying_key().to_spki_pem(),
            Secrecy::Public,
        )
    }

    fn write_missing(&self, name: &str, key: &VerifyingKey) -> Result<(), KeysError> {
        let path = self.folder.path(name);
        match path.exists() {
            true => Ok(()),
            false => files::write_new(&path, &key.to_spki_pem(), Secrecy::Public),
        }
    }
}
