//! Changes to a folder, for whoever holds its lock. Each step leaves a folder that reads as a whole.

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
use crate::features::keys::KeysError;

/// A folder that nobody else changes as long as this lives.
pub(crate) struct Locked {
    folder: KeyFolder,
    _lock: File,
}

/// A sealing key that was made.
pub(crate) struct MadeSealing {
    pub(crate) id: String,
    /// Of its file, within the folder of the keys.
    pub(crate) name: String,
}

/// What becomes of the current key when the next one takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Old {
    /// Its public half goes on verifying.
    Retire,
    Discard,
}

impl Locked {
    pub(super) fn wait(folder: &KeyFolder) -> Result<Self, KeysError> {
        files::make_folder(folder.dir())?;
        let path = folder.path(".lock");
        // Public files are no secret and private ones have modes of their own: whoever may write here may lock.
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

    /// Finishes an activation that a crash cut short, and writes public halves that are missing.
    pub(crate) fn mend(&self, keys: &FolderKeys) -> Result<(), KeysError> {
        if keys.next.is_none() {
            self.remove_next()?;
        }
        if let Some(next) = &keys.next {
            self.write_missing(NEXT_PUBLIC, next.verifying_key())?;
        }
        self.write_missing(PUBLIC, keys.current.verifying_key())
    }

    /// The first key of a folder.
    pub(crate) fn write_first(&self, key: &SigningKey) -> Result<(), KeysError> {
        self.write_pair(key, PRIVATE, PUBLIC)
    }

    /// Takes back what [`Locked::write_first`] wrote.
    pub(crate) fn remove_first(&self) -> Result<(), KeysError> {
        files::remove(&self.folder.path(PUBLIC))?;
        files::remove(&self.folder.path(PRIVATE))
    }

    /// A next key, where there is none.
    pub(crate) fn write_next(&self, key: &SigningKey) -> Result<(), KeysError> {
        files::make_folder(&self.folder.path(NEXT))?;
        self.write_pair(key, NEXT_PRIVATE, NEXT_PUBLIC)
    }

    /// Takes the next key away.
    pub(crate) fn remove_next(&self) -> Result<(), KeysError> {
        // The public half first: a private one alone still reads as a whole key.
        files::remove(&self.folder.path(NEXT_PUBLIC))?;
        files::remove(&self.folder.path(NEXT_PRIVATE))?;
        files::remove_empty_folder(&self.folder.path(NEXT))
    }

    /// Puts the next key in the current one's place. At every instant a reader finds either the old key with the new
    /// one as next, or the new key; cut short, it is finished by doing it again ([`Locked::mend`] at the latest).
    pub(crate) fn promote_next(&self, current: &VerifyingKey, old: Old) -> Result<(), KeysError> {
        if old == Old::Retire {
            files::make_folder(&self.folder.path(RETIRED))?;
            self.write_missing(&retired_name(current.kid()), current)?;
        }
        // Without it the public half is derived, so it never stands beside a private half that is not its own.
        files::remove(&self.folder.path(PUBLIC))?;
        files::replace(&self.folder.path(NEXT_PRIVATE), &self.folder.path(PRIVATE))?;
        if self.folder.path(NEXT_PUBLIC).exists() {
            files::replace(&self.folder.path(NEXT_PUBLIC), &self.folder.path(PUBLIC))?;
        }
        files::remove_empty_folder(&self.folder.path(NEXT))
    }

    /// Takes a retired key away.
    pub(crate) fn remove_retired(&self, kid: &str) -> Result<(), KeysError> {
        files::remove(&self.folder.path(&retired_name(kid)))
    }

    /// Makes a sealing key, beside those that are there, and gives its id and the name of its file.
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

    /// Takes a sealing key away, by the name of its file.
    pub(crate) fn remove_sealing(&self, name: &str) -> Result<(), KeysError> {
        files::remove(&self.folder.path(name))?;
        files::remove_empty_folder(&self.folder.path(SEALING))
    }

    /// The private half first: alone it is a whole key.
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
