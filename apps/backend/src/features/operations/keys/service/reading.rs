//! Reading the folder on a blocking thread (decrypting a protected key takes a while), and the database's records.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use countersign_jose::{RsaSigningKey, SigningKey};
use countersign_store::{Db, StoreError};
use rustix::fs::{Access, access};
use tokio::sync::OnceCell;

use super::options::{HINT_AGE, KeyOptions};
use super::ring::History;
use crate::core::clock::Timestamp;
use crate::features::operations::keys::folder::{FolderKeys, KeyFolder, KeyPair, KeySet, Locked, Snapshot};
use crate::features::operations::keys::store::{KeyName, KeyRecord};
use crate::features::operations::keys::{KeysError, store};

/// A folder that was read.
pub(super) struct Reading {
    pub(super) snapshot: Arc<Snapshot>,
    /// Whether files could be created in the folder.
    pub(super) writable: bool,
    options: KeyOptions,
    /// Loaded on first use, because decrypting a protected key takes a while.
    keys: OnceCell<FolderKeys>,
}

impl Reading {
    pub(super) async fn of(options: &KeyOptions) -> Result<Self, KeysError> {
        let folder = options.folder();
        let read = move || {
            let writable = access(folder.dir(), Access::WRITE_OK | Access::EXEC_OK).is_ok();
            Ok((folder.snapshot()?, writable))
        };
        let (snapshot, writable) = blocking(read).await?;
        Ok(Self {
            writable,
            snapshot: Arc::new(snapshot),
            options: options.clone(),
            keys: OnceCell::new(),
        })
    }

    /// Returns the keys in the folder, checked.
    pub(super) async fn keys(&self) -> Result<FolderKeys, KeysError> {
        let read = || {
            let (snapshot, options) = (self.snapshot.clone(), self.options.clone());
            blocking(move || FolderKeys::read(&snapshot, &options.folder(), options.passphrase.as_ref()))
        };
        self.keys.get_or_try_init(read).await.cloned()
    }
}

impl KeyOptions {
    pub(super) fn folder(&self) -> KeyFolder {
        KeyFolder::new(self.dir.clone())
    }

    /// Locks the folder, waiting for other holders.
    pub(super) async fn lock(&self) -> Result<Locked, KeysError> {
        let folder = self.folder();
        blocking(move || folder.lock()).await
    }
}

/// Returns the database's records of all keys, after adding records for current and retired keys that have none.
///
/// A retired key without a record may have signed tokens until now.
pub(super) async fn recall(
    db: &Db,
    keys: &FolderKeys,
    now: Timestamp,
    access_ttl: Duration,
) -> Result<History, StoreError> {
    let history = history(db).await?;
    remember_missing(db, history, in_use(keys, now, access_ttl), now).await
}

/// Returns the same without writing to the database.
pub(super) async fn recall_unwritten(
    db: &Db,
    keys: &FolderKeys,
    now: Timestamp,
    access_ttl: Duration,
) -> Result<History, StoreError> {
    let mut history = history(db).await?;
    for (key, last_expires_at) in in_use(keys, now, access_ttl) {
        history.entry(key.kid.to_owned()).or_insert_with(|| KeyRecord {
            kid: key.kid.to_owned(),
            alg: key.alg.as_str().to_owned(),
            first_seen_at: now,
            last_expires_at,
            revoked_at: None,
        });
    }
    Ok(history)
}

/// Returns the keys that may have signed tokens, each with the time until which it may be needed for them.
fn in_use(keys: &FolderKeys, now: Timestamp, access_ttl: Duration) -> impl Iterator<Item = (KeyName<'_>, Timestamp)> {
    let ec = in_use_of(&keys.ec, now, now + access_ttl);
    ec.chain(keys.rsa.iter().flat_map(move |rsa| in_use_of(rsa, now, now + HINT_AGE)))
}

fn in_use_of<K: KeyPair>(
    keys: &KeySet<K>,
    now: Timestamp,
    retired_until: Timestamp,
) -> impl Iterator<Item = (KeyName<'_>, Timestamp)> {
    let retired = keys.retired.keys().map(move |kid| (name::<K>(kid), retired_until));
    std::iter::once((name::<K>(keys.current.id()), now)).chain(retired)
}

fn name<K: KeyPair>(kid: &str) -> KeyName<'_> {
    KeyName { kid, alg: K::ALG }
}

/// Like [`recall`], and also records the next keys as published from now on.
pub(super) async fn recall_published(
    db: &Db,
    keys: &FolderKeys,
    now: Timestamp,
    access_ttl: Duration,
) -> Result<History, StoreError> {
    let history = recall(db, keys, now, access_ttl).await?;
    let ec = keys.ec.next.iter().map(|next| name::<SigningKey>(next.kid()));
    let rsa = keys.rsa.iter().flat_map(|rsa| &rsa.next);
    let next = ec.chain(rsa.map(|next| name::<RsaSigningKey>(next.kid())));
    remember_missing(db, history, next.map(|key| (key, now)), now).await
}

pub(super) async fn history(db: &Db) -> Result<History, StoreError> {
    let records = store::all(db).await?;
    Ok(records.into_iter().map(|record| (record.kid.clone(), record)).collect())
}

async fn remember_missing(
    db: &Db,
    known: History,
    keys: impl Iterator<Item = (KeyName<'_>, Timestamp)>,
    now: Timestamp,
) -> Result<History, StoreError> {
    let missing: Vec<_> = keys.filter(|(key, _)| !known.contains_key(key.kid)).collect();
    if missing.is_empty() {
        return Ok(known);
    }
    for (key, last_expires_at) in missing {
        store::remember(db, key, now, last_expires_at).await?;
    }
    history(db).await
}

/// Runs work that waits for files or computes for long on a blocking thread.
#[expect(
    clippy::disallowed_methods,
    reason = "the watcher has one at a time, a command one in all"
)]
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeysError> + Send + 'static,
) -> Result<T, KeysError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(KeysError::File {
            doing: "read",
            path: "the keys".into(),
            source: io::Error::new(io::ErrorKind::Interrupted, "the program is ending"),
        }),
    }
}
