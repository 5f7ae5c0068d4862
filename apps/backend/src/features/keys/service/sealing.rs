//! The sealing keys of a running server: which of the folder's keys is active, and which ones are missing.
//!
//! A key is active from a minute after it was first seen on, when every node has read it; until then each node knows it
//! only to find what another one has derived. Every node comes to the same order, since the database keeps the times.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_store::{Db, StoreError};
use rustix::fs::{Access, access};

use super::KeyOptions;
use super::reading::{Reading, blocking};
use crate::core::clock::Timestamp;
use crate::core::sealing::{SealingKey, SealingKeys, SealingRing};
use crate::features::keys::folder::{FolderKeys, Locked, MadeSealing, Snapshot};
use crate::features::keys::store::SealingRecord;
use crate::features::keys::{KeysError, store};

/// How long a new key waits until it is active, while others are there.
pub(super) const WAIT: Duration = Duration::from_secs(60);

/// What the database remembers of sealing keys, by id.
pub(super) type SealingHistory = HashMap<String, SealingRecord>;

/// What the platform derives with, and what a server reports of it.
pub(super) struct Sealing {
    pub(super) keys: SealingKeys,
    /// The ids of keys that are in use and that the folder does not hold.
    missing: Mutex<Vec<String>>,
}

impl Sealing {
    /// None if the folder holds no key that may be used.
    pub(super) fn open(keys: &FolderKeys, history: &SealingHistory, now: Timestamp) -> Option<Self> {
        let order = Order::of(keys, history, now)?;
        let sealing = Self {
            keys: SealingKeys::new(order.ring()),
            missing: Mutex::default(),
        };
        sealing.log_missing(keys, history);
        Some(sealing)
    }

    /// Goes on with these keys. A folder without one that may be used changes nothing.
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

    /// How many keys are in use that the folder does not hold.
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

/// A key of the folder that may be used.
pub(super) struct Usable {
    pub(super) key: Arc<SealingKey>,
    pub(super) first_seen_at: Timestamp,
}

/// The folder's keys that were not retired, oldest first, and which of them is active.
pub(super) struct Order {
    pub(super) usable: Vec<Usable>,
    /// Its place in `usable`.
    pub(super) active: usize,
}

impl Order {
    /// None if the folder holds no key that may be used. A key that the database does not know yet counts as seen now.
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
        // Where none is old enough, as at the first start, the oldest serves.
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

/// The keys that the database knows to be in use and the folder does not hold, oldest first.
pub(super) fn missing<'h>(keys: &FolderKeys, history: &'h SealingHistory) -> Vec<&'h SealingRecord> {
    let needed = history.values().filter(|record| record.retired_at.is_none());
    let mut missing: Vec<_> = needed.filter(|record| !keys.sealing.contains_key(&record.id)).collect();
    missing.sort_by_key(|record| (record.first_seen_at, &record.id));
    missing
}

/// What the database remembers; it remembers the folder's keys from now on.
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

/// What the database remembers.
pub(super) async fn history(db: &Db) -> Result<SealingHistory, StoreError> {
    let records = store::all_sealing(db).await?;
    Ok(records.into_iter().map(|record| (record.id.clone(), record)).collect())
}

/// Why a folder without a usable key is refused.
pub(super) async fn refusal(options: &KeyOptions, db: &Db) -> Result<KeysError, StoreError> {
    let (dir, known) = (options.folder().sealing(), store::all_sealing(db).await?);
    // Rather one that is in use than one that was retired.
    let known = known
        .into_iter()
        .max_by_key(|record| (record.retired_at.is_none(), record.first_seen_at));
    Ok(match known {
        Some(known) => KeysError::SealingLost { dir, id: known.id },
        None => KeysError::NoSealing(dir),
    })
}

/// Makes the first sealing key of a folder that holds none and a database that has never seen one. As with the first
/// signing key, the file comes before the database's memory of it.
pub(super) async fn make_first(options: &KeyOptions, db: &Db, now: Timestamp) -> Result<(), KeysError> {
    if let refusal @ KeysError::SealingLost { .. } = refusal(options, db).await? {
        // Files come first: if another server made the key a moment ago, it is there by now.
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

/// Whether a key is there, or could be made. It makes nothing.
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

/// The folder stays locked as long as the database has not heard of the key.
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
