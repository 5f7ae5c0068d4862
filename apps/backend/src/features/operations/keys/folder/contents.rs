//! The keys that a folder's files hold, each checked against the others.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use countersign_jose::{KeyError, SigningKey, SymmetricKey, VerifyingKey};
use secrecy::{ExposeSecret, SecretString};

use super::Snapshot;
use super::place::{KeyFolder, NEXT_PRIVATE, NEXT_PUBLIC, PRIVATE, PUBLIC, SEALING_END, retired_name};
use crate::core::sealing::SealingKey;
use crate::features::operations::keys::KeysError;

/// The keys of a folder. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct FolderKeys {
    pub(crate) current: Arc<SigningKey>,
    pub(crate) next: Option<Arc<SigningKey>>,
    /// By `kid`, without the current and the next key.
    pub(crate) retired: Arc<BTreeMap<String, VerifyingKey>>,
    /// By id. It may be empty; whether that is an error depends on the database's records.
    pub(crate) sealing: Arc<BTreeMap<String, SealingFile>>,
}

/// A sealing key and its file.
pub(crate) struct SealingFile {
    /// The file name within the keys folder.
    pub(crate) name: String,
    pub(crate) key: Arc<SealingKey>,
}

impl FolderKeys {
    /// Reads and checks every file of a snapshot.
    pub(crate) fn read(
        snapshot: &Snapshot,
        folder: &KeyFolder,
        passphrase: Option<&SecretString>,
    ) -> Result<Self, KeysError> {
        let reader = Reader {
            snapshot,
            folder,
            passphrase,
        };
        let current = reader
            .pair(PRIVATE, PUBLIC)?
            .ok_or_else(|| KeysError::Missing(folder.path(PRIVATE)))?;
        let next = reader.next(&current)?;
        let mut retired = reader.retired()?;
        retired.retain(|kid, _| kid != current.kid() && next.as_ref().is_none_or(|next| next.kid() != kid));
        Ok(Self {
            current,
            next,
            retired: Arc::new(retired),
            sealing: Arc::new(reader.sealing()?),
        })
    }

    /// Returns the key with this id.
    pub(crate) fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        let mut signing = std::iter::once(&self.current)
            .chain(&self.next)
            .map(|key| key.verifying_key());
        signing.find(|key| key.kid() == kid).or_else(|| self.retired.get(kid))
    }

    /// Returns all keys in the order of publication: current, next, retired.
    pub(crate) fn verifying_keys(&self) -> impl Iterator<Item = &VerifyingKey> {
        let signing = std::iter::once(&self.current).chain(&self.next);
        signing.map(|key| key.verifying_key()).chain(self.retired.values())
    }
}

struct Reader<'a> {
    snapshot: &'a Snapshot,
    folder: &'a KeyFolder,
    passphrase: Option<&'a SecretString>,
}

impl Reader<'_> {
    /// Reads a private key and checks its public half, which may be missing.
    fn pair(&self, private: &str, public: &str) -> Result<Option<Arc<SigningKey>>, KeysError> {
        let Some(pem) = self.snapshot.file(private) else {
            return Ok(None);
        };
        let key = SigningKey::from_pem(pem, self.passphrase())
            .map_err(|source| unusable(&self.folder.path(private), source))?;
        if let Some(half) = self.public(public)? {
            fits(&self.folder.path(public), &half, key.kid())?;
        }
        Ok(Some(Arc::new(key)))
    }

    /// Reads the next key. An interrupted activation may leave only its public half, which then equals the current key.
    fn next(&self, current: &SigningKey) -> Result<Option<Arc<SigningKey>>, KeysError> {
        if let Some(next) = self.pair(NEXT_PRIVATE, NEXT_PUBLIC)? {
            return Ok(Some(next).filter(|next| next.kid() != current.kid()));
        }
        match self.public(NEXT_PUBLIC)? {
            Some(left) if left != *current.verifying_key() => Err(KeysError::Missing(self.folder.path(NEXT_PRIVATE))),
            _ => Ok(None),
        }
    }

    fn retired(&self) -> Result<BTreeMap<String, VerifyingKey>, KeysError> {
        let keys = self.snapshot.retired().map(|(name, pem)| {
            let path = self.folder.path(name);
            let key = VerifyingKey::from_spki_pem(pem).map_err(|source| unusable(&path, source))?;
            match name == retired_name(key.kid()) {
                true => Ok((key.kid().to_owned(), key)),
                false => Err(KeysError::Mismatch {
                    expected: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                    found: key.kid().to_owned(),
                    path,
                }),
            }
        });
        keys.collect()
    }

    fn sealing(&self) -> Result<BTreeMap<String, SealingFile>, KeysError> {
        let keys = self.snapshot.sealing().map(|(name, pem)| {
            let path = self.folder.path(name);
            let key = SymmetricKey::from_pem(pem, self.passphrase()).map_err(|source| unusable(&path, source))?;
            let key = SealingKey::new(key.expose());
            match id_in(name) {
                Some(expected) if expected != key.id() => Err(KeysError::Mismatch {
                    expected: expected.to_owned(),
                    found: key.id().to_owned(),
                    path,
                }),
                _ => Ok((
                    key.id().to_owned(),
                    SealingFile {
                        name: name.to_owned(),
                        key: Arc::new(key),
                    },
                )),
            }
        });
        keys.collect()
    }

    fn passphrase(&self) -> Option<&[u8]> {
        self.passphrase.map(|secret| secret.expose_secret().as_bytes())
    }

    fn public(&self, name: &str) -> Result<Option<VerifyingKey>, KeysError> {
        let key = self.snapshot.file(name).map(VerifyingKey::from_spki_pem).transpose();
        key.map_err(|source| unusable(&self.folder.path(name), source))
    }
}

/// Returns the id in a name of the form `sealing/<time>-<id>.key`. Operators may use other names.
fn id_in(name: &str) -> Option<&str> {
    let (_, id) = name.strip_suffix(SEALING_END)?.rsplit_once('-')?;
    (id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

fn fits(path: &Path, public: &VerifyingKey, expected: &str) -> Result<(), KeysError> {
    match public.kid() == expected {
        true => Ok(()),
        false => Err(KeysError::Mismatch {
            path: path.to_owned(),
            found: public.kid().to_owned(),
            expected: expected.to_owned(),
        }),
    }
}

fn unusable(path: &Path, source: KeyError) -> KeysError {
    KeysError::Unusable {
        path: path.to_owned(),
        source,
    }
}
