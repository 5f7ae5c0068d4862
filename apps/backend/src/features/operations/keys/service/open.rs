//! Loading the keys of a folder.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};

use countersign_jose::{RsaSigningKey, SigningAlg, SigningKey};
use countersign_store::Db;
use tokio::sync::Mutex;

use super::lane::Lane;
use super::options::KeyOptions;
use super::reading::{Reading, recall, recall_unwritten};
use super::ring::{History, Ring};
use super::sealing::{self, Sealing, SealingHistory};
use super::watch::Watch;
use super::{Keys, Parts, first};
use crate::core::clock::{Clock, Timestamp};
use crate::features::operations::keys::KeysError;

/// The database's records of the keys.
struct Recalled {
    signing: History,
    sealing: SealingHistory,
}

impl Keys {
    /// Loads the keys. At the very first start (the folder is empty and the database has no record of a key) it creates a
    /// signing key and a sealing key.
    ///
    /// # Errors
    /// [`KeysError`] if the folder cannot be used; each says how to fix it.
    pub async fn open(options: KeyOptions, db: Db, clock: Clock) -> Result<Self, KeysError> {
        let mut reading = Reading::of(&options).await?;
        let mut created = false;
        if !reading.snapshot.signs() {
            created = first::make_first_key::<SigningKey>(&options, &db, clock.now()).await?;
            reading = Reading::of(&options).await?;
        }
        // No sealing key is created next to unusable keys.
        if reading.keys().await?.sealing.is_empty() {
            sealing::make_first(&options, &db, clock.now()).await?;
            reading = Reading::of(&options).await?;
        }
        let recalled = Recalled::of(&options, &reading, &db, clock.now()).await?;
        Self::of_reading(options, reading, created, recalled, db, clock).await
    }

    /// Loads the keys without creating any.
    ///
    /// # Errors
    /// [`KeysError`]; [`KeysError::None`] if there has never been a key.
    pub async fn open_existing(options: KeyOptions, db: Db, clock: Clock) -> Result<Self, KeysError> {
        let reading = existing(&options, &db).await?;
        let recalled = Recalled::of(&options, &reading, &db, clock.now()).await?;
        Self::of_reading(options, reading, false, recalled, db, clock).await
    }

    /// Loads the keys without writing to the database either. A key without a record is treated as if it had just been
    /// recorded.
    ///
    /// # Errors
    /// The errors of [`open_existing`](Self::open_existing).
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
        // Files come first: if another process has just created the first RSA key, they exist by now.
        if keys.rsa.is_none()
            && let Some(known) = recalled
                .signing
                .values()
                .find(|key| key.alg == SigningAlg::Rs256.as_str())
            && !Reading::of(&options).await?.snapshot.has::<RsaSigningKey>()
        {
            return Err(first::lost(&options, SigningAlg::Rs256, known.kid.clone()));
        }
        let Some(sealing) = Sealing::open(&keys, &recalled.sealing, now) else {
            return Err(sealing::refusal(&options, &db).await?);
        };
        // Commands load the keys too, without publishing them, so the next key is not recorded as published here.
        let ring = Ring::assemble(keys, recalled.signing, now, options.propagation_delay());
        if ring.signing_key::<SigningKey>().is_none() {
            return Err(KeysError::Revoked(ring.keys.ec.current.kid().to_owned()));
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
            rsa_lane: Lane::new(),
            writable: AtomicBool::new(reading.writable),
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

/// Reads the folder. Fails if it contains no keys.
async fn existing(options: &KeyOptions, db: &Db) -> Result<Reading, KeysError> {
    let reading = Reading::of(options).await?;
    if reading.snapshot.signs() {
        return Ok(reading);
    }
    let dir = options.dir.clone();
    Err(match first::known(db, SigningAlg::Es256).await? {
        Some(kid) => KeysError::Lost { dir, kid },
        None => KeysError::None(dir),
    })
}
