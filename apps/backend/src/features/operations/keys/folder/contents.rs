//! The keys that a folder's files hold, each checked against the others.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use countersign_jose::{KeyError, RsaSigningKey, SigningKey, SymmetricKey};
use secrecy::{ExposeSecret, SecretString};

use super::Snapshot;
use super::pair::{KeyPair, PublicHalf};
use super::place::{KeyFolder, NEXT_PRIVATE, NEXT_PUBLIC, PRIVATE, PUBLIC, SEALING_END, retired_name};
use crate::core::sealing::SealingKey;
use crate::features::operations::keys::KeysError;

/// The keys of a folder. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct FolderKeys {
    /// The ES256 keys.
    pub(crate) ec: KeySet<SigningKey>,
    /// The RS256 keys, if there are any.
    pub(crate) rsa: Option<KeySet<RsaSigningKey>>,
    /// By id. It may be empty; whether that is an error depends on the database's records.
    pub(crate) sealing: Arc<BTreeMap<String, SealingFile>>,
}

/// The keys of one algorithm.
pub(crate) struct KeySet<K: KeyPair> {
    pub(crate) current: Arc<K>,
    pub(crate) next: Option<Arc<K>>,
    /// By `kid`, without the current and the next key.
    pub(crate) retired: Arc<BTreeMap<String, K::Public>>,
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
        let ec = reader.set()?.ok_or_else(|| KeysError::Missing(folder.path(PRIVATE)))?;
        Ok(Self {
            ec,
            rsa: reader.set()?,
            sealing: Arc::new(reader.sealing()?),
        })
    }

    /// Returns whether a key of any algorithm has this id.
    pub(crate) fn contains(&self, kid: &str) -> bool {
        self.ec.find(kid).is_some() || self.rsa.as_ref().is_some_and(|rsa| rsa.find(kid).is_some())
    }

    /// Returns the ids of all keys in the order of publication.
    pub(crate) fn kids(&self) -> impl Iterator<Item = &str> {
        let rsa = self.rsa.iter().flat_map(KeySet::public_halves).map(PublicHalf::id);
        self.ec.public_halves().map(PublicHalf::id).chain(rsa)
    }
}

impl<K: KeyPair> KeySet<K> {
    /// Returns the key with this id.
    pub(crate) fn find(&self, kid: &str) -> Option<&K::Public> {
        let mut signing = std::iter::once(&self.current).chain(&self.next).map(|key| key.public());
        signing.find(|key| key.id() == kid).or_else(|| self.retired.get(kid))
    }

    /// Returns all keys in the order of publication: current, next, retired.
    pub(crate) fn public_halves(&self) -> impl Iterator<Item = &K::Public> {
        let signing = std::iter::once(&self.current).chain(&self.next);
        signing.map(|key| key.public()).chain(self.retired.values())
    }
}

/// A kind of key that has its place in [`FolderKeys`].
pub(crate) trait Stored: KeyPair {
    /// Returns the keys of this kind; `None` if there are none.
    fn of(keys: &FolderKeys) -> Option<&KeySet<Self>>;
}

impl Stored for SigningKey {
    fn of(keys: &FolderKeys) -> Option<&KeySet<Self>> {
        Some(&keys.ec)
    }
}

impl Stored for RsaSigningKey {
    fn of(keys: &FolderKeys) -> Option<&KeySet<Self>> {
        keys.rsa.as_ref()
    }
}

impl<K: KeyPair> Clone for KeySet<K> {
    fn clone(&self) -> Self {
        Self {
            current: self.current.clone(),
            next: self.next.clone(),
            retired: self.retired.clone(),
        }
    }
}

struct Reader<'a> {
    snapshot: &'a Snapshot,
    folder: &'a KeyFolder,
    passphrase: Option<&'a SecretString>,
}

impl Reader<'_> {
    /// Reads the keys of one algorithm; `None` if there is no file of any.
    fn set<K: KeyPair>(&self) -> Result<Option<KeySet<K>>, KeysError> {
        if !self.snapshot.has::<K>() {
            return Ok(None);
        }
        let current: Arc<K> = self
            .pair(PRIVATE, PUBLIC)?
            .ok_or_else(|| KeysError::Missing(self.folder.path(&K::file(PRIVATE))))?;
        let next = self.next::<K>(&current)?;
        let mut retired = self.retired::<K>()?;
        retired.retain(|kid, _| kid != current.id() && next.as_ref().is_none_or(|next| next.id() != kid));
        Ok(Some(KeySet {
            current,
            next,
            retired: Arc::new(retired),
        }))
    }

    /// Reads a private key and checks its public half, which may be missing.
    fn pair<K: KeyPair>(&self, private: &str, public: &str) -> Result<Option<Arc<K>>, KeysError> {
        let private = K::file(private);
        let Some(pem) = self.snapshot.file(&private) else {
            return Ok(None);
        };
        let key =
            K::read_pem(pem, self.passphrase()).map_err(|source| unusable(&self.folder.path(&private), source))?;
        if let Some(half) = self.public::<K>(public)? {
            fits(&self.folder.path(&K::file(public)), &half, key.id())?;
        }
        Ok(Some(Arc::new(key)))
    }

    /// Reads the next key. An interrupted activation may leave only its public half, which then equals the current key.
    fn next<K: KeyPair>(&self, current: &K) -> Result<Option<Arc<K>>, KeysError> {
        if let Some(next) = self.pair::<K>(NEXT_PRIVATE, NEXT_PUBLIC)? {
            return Ok(Some(next).filter(|next| next.id() != current.id()));
        }
        match self.public::<K>(NEXT_PUBLIC)? {
            Some(left) if left != *current.public() => {
                Err(KeysError::Missing(self.folder.path(&K::file(NEXT_PRIVATE))))
            }
            _ => Ok(None),
        }
    }

    fn retired<K: KeyPair>(&self) -> Result<BTreeMap<String, K::Public>, KeysError> {
        let keys = self.snapshot.retired::<K>().map(|(name, pem)| {
            let path = self.folder.path(name);
            let key = K::Public::read_pem(pem).map_err(|source| unusable(&path, source))?;
            match name == K::file(&retired_name(key.id())) {
                true => Ok((key.id().to_owned(), key)),
                false => Err(KeysError::Mismatch {
                    expected: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                    found: key.id().to_owned(),
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

    fn public<K: KeyPair>(&self, name: &str) -> Result<Option<K::Public>, KeysError> {
        let name = K::file(name);
        let key = self.snapshot.file(&name).map(K::Public::read_pem).transpose();
        key.map_err(|source| unusable(&self.folder.path(&name), source))
    }
}

/// Returns the id in a name of the form `sealing/<time>-<id>.key`. Operators may use other names.
fn id_in(name: &str) -> Option<&str> {
    let (_, id) = name.strip_suffix(SEALING_END)?.rsplit_once('-')?;
    (id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

fn fits(path: &Path, public: &impl PublicHalf, expected: &str) -> Result<(), KeysError> {
    match public.id() == expected {
        true => Ok(()),
        false => Err(KeysError::Mismatch {
            path: path.to_owned(),
            found: public.id().to_owned(),
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
