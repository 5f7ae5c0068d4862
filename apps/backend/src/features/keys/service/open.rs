//! How the keys of a folder become those of a server.

use std::sync::{Arc, RwLock};

use countersign_store::Db;
use tokio::sync::Mutex;

use super::options::KeyOptions;
use super::reading::{Reading, recall, recall_unwritten};
use super::ring::{History, Ring};
use super::sealing::{self, Sealing, SealingHistory};
use super::watch::Watch;
use super::{Keys, Parts, first};
use crate::core::clock::{Clock, Timestamp};
use crate::features::keys::{KeysError, store};

/// What the database remembers of the keys.
struct Recalled {
    signing: History,
    sealing: SealingHistory,
}

impl Keys {
    /// Loads the keys. At the very first start (the folder is empty and the database has never seen a key) it makes
    /// a signing key and a sealing key.
    ///
    /// # Errors
    /// [`KeysError`] when the folder cannot be used; each says how to mend it.
    pub async fn open(options: KeyOptions, db: Db, clock: Clock) -> Result<Self, KeysError> {
        let mut reading = Reading::of(&options).await?;
        let mut created = false;
        if !reading.snapshot.signs() {
            created = first::make_first_key(&options, &db, clock.now()).await?;
            reading = Reading::of(&options).await?;
        }
        // Nothing is put beside keys that cannot be used.
        if reading.keys().await?.sealing.is_empty() {
            sealing::make_first(&options, &db, clock.now()).await?;
            reading = Reading::of(&options).await?;
        }
        let recalled = Recalled::of(&options, &reading, &db, clock.now()).await?;
        Self::of_reading(options, reading, created, recalled, db, clock).await
    }

    /// Reads the folder, and makes no key.
    ///
    /// # Errors
    /// [`KeysError`]; [`KeysError::None`] where there never was a key.
    pub async fn open_existing(options: KeyOptions, db: Db, clock: Clock) -> Result<Self, KeysError> {
        let reading = existing(&options, &db).await?;
        let recalled = Recalled::of(&options, &reading, &db, clock.now()).await?;
        Self::of_reading(options, reading, false, recalled, db, clock).await
    }

    /// The same, and writes nothing into the database either: a key that it does not know yet is as good as one that it
    /// has just learned of.
    ///
    /// # Errors
    /// As [`open_existing`](Self::open_existing).
    pub async fn open_to_read(options: KeyOptions, db: Db, clock: Clock) -> Result<Self, KeysError> {
        let reading = existing(&options, &db).await?;
        let recalled = Recalled {
            signing: recall_unwritten(&db, &reading.keys().await?, clock.now(), options.access_ttl).await?,
            sealing: sealing::history(&db).await?,
        };
        Self::of_reading(options, reading, false, recalled, db, clock).await
    }

    async fn of_reading(
        options: KeyOptions,
        reading: Reading,
        created: bool,
        recalled: Recalled,
        db: Db,
        clock: Clock,
    ) -> Result<Self, KeysError> {
        let fingerprint = reading.snapshot.fingerprint();
        let keys = reading.keys().await?;
        let now = clock.now();
        let Some(sealing) = Sealing::open(&keys, &recalled.sealing, now) else {
            return Err(sealing::refusal(&options, &db).await?);
        };
        // A command opens the keys too: that publishes nothing, so the next key's time does not begin here.
        let ring = Ring::assemble(keys, recalled.signing, now, options.propagation_delay());
        if ring.signing_key().is_none() {
            return Err(KeysError::Revoked(ring.keys.current.kid().to_owned()));
        }
        for kid in ring.missing(now) {
            tracing::warn!(
                kid,
                "the keys folder lacks a key that unexpired tokens were signed with; rejecting these tokens"
            );
        }
        Ok(Self(Arc::new(Parts {
            options,
            db,
            clock,
            created,
            ring: RwLock::new(Arc::new(ring)),
            sealing,
            extending: Mutex::new(()),
            watch: Mutex::new(Watch::new(fingerprint)),
        })))
    }
}

impl Recalled {
    async fn of(options: &KeyOptions, reading: &Reading, db: &Db, now: Timestamp) -> Result<Self, KeysError> {
        let keys = reading.keys().await?;
        Ok(Self {
            signing: recall(db, &keys, now, options.access_ttl).await?,
            sealing: sealing::recall(db, &keys, now).await?,
        })
    }
}

/// What lies in the folder; an error where that is nothing.
async fn existing(options: &KeyOptions, db: &Db) -> Result<Reading, KeysError> {
    let reading = Reading::of(options).await?;
    if reading.snapshot.signs() {
        return Ok(reading);
    }
    let dir = options.dir.clone();
    Err(match store::all(db).await?.pop() {
        Some(known) => KeysError::Lost { dir, kid: known.kid },
        None => KeysError::None(dir),
    })
}
