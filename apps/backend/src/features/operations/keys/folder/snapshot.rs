//! A consistent view of a folder that others may be changing.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use countersign_jose::{RsaSigningKey, SigningKey};
use zeroize::Zeroizing;

use super::files::{self, Secrecy};
use super::pair::KeyPair;
use super::place::{KeyFolder, NEXT_PRIVATE, NEXT_PUBLIC, PRIVATE, PUBLIC, RETIRED, SEALING, SEALING_END};
use crate::features::operations::keys::KeysError;

/// The maximum number of repeated reads before the last one is used.
const LOOKS: u32 = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// The key files by their names within the folder.
#[derive(PartialEq, Eq)]
pub(crate) struct Snapshot(BTreeMap<String, Zeroizing<Vec<u8>>>);

/// Identifies the contents of a [`Snapshot`] without storing them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Snapshot {
    /// Reads all files until two consecutive reads agree. Each file then had this content at the moment between them,
    /// because no process restores an old content within that time.
    #[expect(clippy::disallowed_methods, reason = "callers run it on a thread for blocking work")]
    pub(super) fn take(folder: &KeyFolder) -> Result<Self, KeysError> {
        let mut seen = Self::read(folder)?;
        for _ in 0..LOOKS {
            let again = Self::read(folder)?;
            if again == seen {
                break;
            }
            seen = again;
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(seen)
    }

    /// Returns whether there is a file of an ES256 key, without which there is no use for the others.
    pub(crate) fn signs(&self) -> bool {
        self.has::<SigningKey>()
    }

    /// Returns whether there is a file of a key of this kind.
    pub(crate) fn has<K: KeyPair>(&self) -> bool {
        self.0.keys().any(|name| is_of::<K>(name))
    }

    /// Returns whether there is a file of a sealing key.
    pub(crate) fn seals(&self) -> bool {
        self.sealing().next().is_some()
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut digest = Context::new(&SHA256);
        for (name, bytes) in &self.0 {
            for part in [name.as_bytes(), bytes] {
                digest.update(&part.len().to_be_bytes());
                digest.update(part);
            }
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest.finish().as_ref());
        Fingerprint(fingerprint)
    }

    pub(super) fn file(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(|bytes| bytes.as_slice())
    }

    /// Returns the files of the retired keys, by name.
    pub(super) fn retired<K: KeyPair>(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files_in(K::file(RETIRED))
    }

    /// Returns the files of `sealing/`, by name.
    pub(super) fn sealing(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files_in(SEALING.to_owned())
    }

    fn files_in(&self, folder: String) -> impl Iterator<Item = (&str, &[u8])> {
        let files = self.0.iter().filter(move |(name, _)| is_in(name, &folder));
        files.map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    fn read(folder: &KeyFolder) -> Result<Self, KeysError> {
        let listed = |subfolder: &str, end: &str, secrecy: Secrecy| {
            let names = files::names(&folder.path(subfolder))?.into_iter();
            let names = names.filter(|name| name.ends_with(end));
            Ok::<_, KeysError>(
                names
                    .map(|name| (format!("{subfolder}/{name}"), secrecy))
                    .collect::<Vec<_>>(),
            )
        };
        let sealing = listed(SEALING, SEALING_END, Secrecy::Private)?;
        let pairs = |place: fn(&str) -> String| {
            let retired = listed(&place(RETIRED), ".pem", Secrecy::Public)?;
            let fixed = [
                (PRIVATE, Secrecy::Private),
                (PUBLIC, Secrecy::Public),
                (NEXT_PRIVATE, Secrecy::Private),
                (NEXT_PUBLIC, Secrecy::Public),
            ];
            let fixed = fixed.map(|(name, secrecy)| (place(name), secrecy));
            Ok::<_, KeysError>(fixed.into_iter().chain(retired))
        };
        let (ec, rsa) = (pairs(SigningKey::file)?, pairs(RsaSigningKey::file)?);
        let all = ec.chain(rsa).chain(sealing);
        let read = all.map(|(name, secrecy)| {
            let bytes = files::read(&folder.path(&name), secrecy)?;
            Ok(bytes.map(|bytes| (name, bytes)))
        });
        read.filter_map(Result::transpose).collect::<Result<_, _>>().map(Self)
    }
}

fn is_of<K: KeyPair>(name: &str) -> bool {
    let places = [PRIVATE, PUBLIC, NEXT_PRIVATE, NEXT_PUBLIC];
    places.iter().any(|place| name == K::file(place)) || is_in(name, &K::file(RETIRED))
}

fn is_in(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
