//! The sealing keys of a running server: which one is active, and which ones are missing.
//!
//! A new key becomes active a minute after it was first seen, when every node has read it. Until then, nodes use it only to
//! find what another node has derived with it. All nodes agree on the order, because the times are in the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_store::{Db, StoreError};
use rustix::fs::{Access, access};

use super::KeyOptions;
use super::reading::{Reading, blocking};
use crate::core::clock::Timestamp;
use crate::core::sealing::{SealingKey, SealingKeys, SealingRing};
use crate::features::operations::keys::folder::{FolderKeys, Locked, MadeSealing, Snapshot};
use crate::features::operations::keys::store::SealingRecord;
use crate::features::operations::keys::{KeysError, store};

/// How long a new key waits before it becomes active, if there are others.
pub(super) const WAIT: Duration = Duration::from_secs(60);

/// The database's records of sealing keys, by id.
pub(super) type SealingHistory = HashMap<String, SealingRecord>;

/// The keys that the platform derives with, and those that are missing.
pub(super) struct Sealing {
    pub(super) keys: SealingKeys,
    /// The ids of keys that are in use but missing from the folder.
    missing: Mutex<Vec<String>>,
}

impl Sealing {
    /// Loads the keys. `None` if the folder contains no usable key.
    pub(super) fn open(keys: &FolderKeys, history: &SealingHistory, now: Timestamp) -> Option<Self> {
        let order = Order::of(keys, history, now)?;
        let sealing = Self {
            keys: SealingKeys::new(order.ring()),
            missing: Mutex::default(),
        };
        sealing.log_missing(keys, history);
        Some(sealing)
    }

    /// Switches to these keys, unless none of them is usable.
    pub(super) fn follow(&self, keys: &FolderKeys, history: &SealingHistory, now: Timestamp) {
        let Some(order) = Order::of(keys, history, now) else {
            return;
        };
        let (before, ring) = (self.keys.active_id(), order.ring());
        let active = ring.active.id().to_owned();
        self.keys.put(ring);
        if active != before {
            tracing::info!(active, "the active sealing key has changed");
        }
        self.log_missing(keys, history);
    }

    /// Returns the number of keys that are in use but missing from the folder.
    pub(super) fn missing(&self) -> usize {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn log_missing(&self, keys: &FolderKeys, history: &SealingHistory) {
        let missing: Vec<_> = missing(keys, history)
            .into_iter()
            .map(|record| record.id.clone())
            .collect();
        let mut logged = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        for id in missing.iter().filter(|id| !logged.contains(id)) {
            tracing::warn!(
                id,
                "the keys folder lacks a sealing key that other nodes may use; restore its file, or retire the key \
                 with `countersign keys sealing retire`"
            );
        }
        *logged = missing;
    }
}

/// A usable key in the folder.
pub(super) struct Usable {
    pub(super) key: Arc<SealingKey>,
    pub(super) first_seen_at: Timestamp,
}

/// The folder's keys that were not retired, oldest first, and which one is active.
pub(super) struct Order {
    pub(super) usable: Vec<Usable>,
    /// Its index in `usable`.
    pub(super) active: usize,
}

impl Order {
    /// Sorts the usable keys; `None` if there are none. A key without a record counts as first seen now.
    pub(super) fn of(keys: &FolderKeys, history: &SealingHistory, now: Timestamp) -> Option<Self> {
        let usable = keys.sealing.iter().filter_map(|(id, file)| {
            let record = history.get(id);
            let retired = record.is_some_and(|record| record.retired_at.is_some());
            (!retired).then(|| Usable {
                key: file.key.clone(),
                first_seen_at: record.map_or(now, |record| record.first_seen_at),
            })
        });
        let mut usable: Vec<_> = usable.collect();
        usable.sort_by(|one, other| (one.first_seen_at, one.key.id()).cmp(&(other.first_seen_at, other.key.id())));
        // If none is old enough, as at the first start, the oldest is active.
        let active = usable
            .iter()
            .rposition(|key| key.first_seen_at + WAIT <= now)
            .unwrap_or(0);
        (!usable.is_empty()).then_some(Self { usable, active })
    }

    pub(super) fn ring(mut self) -> SealingRing {
        let active = self.usable.remove(self.active).key;
        SealingRing {
            active,
            others: self.usable.into_iter().rev().map(|usable| usable.key).collect(),
        }
    }
}

/// Returns the keys that are in use according to the database but missing from the folder, oldest first.
pub(super) fn missing<'h>(keys: &FolderKeys, history: &'h SealingHistory) -> Vec<&'h SealingRecord> {
    let needed = history.values().filter(|record| record.retired_at.is_none());
    let mut missing: Vec<_> = needed.filter(|record| !keys.sealing.contains_key(&record.id)).collect();
    missing.sort_by_key(|record| (record.first_seen_at, &record.id));
    missing
}

/// Returns the database's records, after adding those of new keys in the folder.
pub(super) async fn recall(db: &Db, keys: &FolderKeys, now: Timestamp) -> Result<SealingHistory, StoreError> {
    let known = history(db).await?;
    let new: Vec<_> = keys.sealing.keys().filter(|id| !known.contains_key(*id)).collect();
    if new.is_empty() {
        return Ok(known);
    }
    for id in new {
        store::remember_sealing(db, id, now).await?;
    }
    history(db).await
}

/// Returns the database's records.
pub(super) async fn history(db: &Db) -> Result<SealingHistory, StoreError> {
    let records = store::all_sealing(db).await?;
    Ok(records.into_iter().map(|record| (record.id.clone(), record)).collect())
}

/// Returns why a folder without a usable key is refused.
pub(super) async fn refusal(options: &KeyOptions, db: &Db) -> Result<KeysError, StoreError> {
    let (dir, known) = (options.folder().sealing(), store::all_sealing(db).await?);
    // Prefer a key in use to a retired one.
    let known = known
        .into_iter()
        .max_by_key(|record| (record.retired_at.is_none(), record.first_seen_at));
    Ok(match known {
        Some(known) => KeysError::SealingLost { dir, id: known.id },
        None => KeysError::NoSealing(dir),
    })
}

/// Creates the first sealing key if neither the folder nor the database has one. As with the first signing key, the file is
/// written before the database record.
pub(super) async fn make_first(options: &KeyOptions, db: &Db, now: Timestamp) -> Result<(), KeysError> {
    if let refusal @ KeysError::SealingLost { .. } = refusal(options, db).await? {
        // Files come first: if another server has just created the key, they exist by now.
        return match Reading::of(options).await?.snapshot.seals() {
            true => Ok(()),
            false => Err(refusal),
        };
    }
    let made = make_where_there_is_none(options, now).await;
    let Some((locked, made)) = made.map_err(|error| unwritable(options, error))? else {
        return Ok(());
    };
    let id = &made.id;
    let begun: Result<_, StoreError> = db
        .transact(|tx| Box::pin(async move { store::begin_sealing(tx, id, now).await }))
        .await;
    match begun? {
        None => Ok(()),
        // Another server on this database, with another folder, was faster.
        Some(known) => {
            blocking(move || locked.remove_sealing(&made.name)).await?;
            Err(KeysError::SealingLost {
                dir: options.folder().sealing(),
                id: known,
            })
        }
    }
}

/// Checks whether there is a key, or one could be created. Creates nothing.
pub(super) fn check(options: &KeyOptions, snapshot: &Snapshot) -> Result<(), KeysError> {
    if snapshot.seals() {
        return Ok(());
    }
    let sealing = options.folder().sealing();
    let place = if sealing.exists() { &sealing } else { &options.dir };
    access(place, Access::WRITE_OK).map_err(|why| KeysError::SealingUnwritable {
        dir: sealing.clone(),
        source: why.into(),
    })
}

/// Creates a key if there is none. Returns the lock, to be held until the database has recorded the key.
async fn make_where_there_is_none(
    options: &KeyOptions,
    now: Timestamp,
) -> Result<Option<(Locked, MadeSealing)>, KeysError> {
    let locked = options.lock().await?;
    let (folder, passphrase) = (options.folder(), options.passphrase.clone());
    blocking(move || {
        if folder.snapshot()?.seals() {
            return Ok(None);
        }
        let made = locked.make_sealing(passphrase.as_ref(), now)?;
        Ok(Some((locked, made)))
    })
    .await
}

fn unwritable(options: &KeyOptions, error: KeysError) -> KeysError {
    match error {
        KeysError::File { source, .. } => KeysError::SealingUnwritable {
            dir: options.folder().sealing(),
            source,
        },
        other => other,
    }
}
