//! The commands `countersign keys …`. Each change locks the folder and first finishes a change that was interrupted by a
//! crash.

mod list;
mod remove;
mod rotate;
mod sealing;

use std::time::Duration;

use countersign_jose::{RsaSigningKey, SigningAlg, SigningKey};
use countersign_store::Db;
use serde::Serialize;

pub use self::list::{KeyState, ListedKey};
pub use self::remove::RevokedKey;
pub use self::rotate::{Activated, NextKey};
pub use self::sealing::{ListedSealingKey, SealingState};
use super::KeyOptions;
use super::reading::{Reading, blocking, history};
use super::ring::History;
use crate::core::clock::{Clock, Timestamp};
use crate::features::operations::keys::folder::{FolderKeys, KeyPair, KeySet, Locked, Stored};
use crate::features::operations::keys::store::KeyName;
use crate::features::operations::keys::{KeysError, store};

/// The keys as changed by an operator.
pub struct KeyOperator {
    options: KeyOptions,
    db: Db,
    clock: Clock,
}

/// Why an operator's command failed.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The folder already contains keys.
    #[error("{0} already contains keys; to replace the signing key, run `countersign keys rotate`")]
    NotEmpty(String),
    /// The folder already contains an RSA key.
    #[error("the RSA key {0} already exists; to replace it, run `countersign keys rotate --rsa`")]
    HasRsa(String),
    /// The folder contains no RSA key.
    #[error(
        "there is no RSA key; it is created along with the first client whose ID tokens are signed with RS256, or by \
         `countersign keys generate --rsa`"
    )]
    NoRsa,
    /// There is nothing to activate.
    #[error("there is no next key to activate ({kid} is the signing key); publish one with `countersign keys rotate{}`", flag(*alg))]
    NoNext {
        /// The current key.
        kid: String,
        alg: SigningAlg,
    },
    /// No server has published the next key.
    #[error(
        "no server has published the next key {0} yet; check that one is running with this database and keys folder"
    )]
    Unpublished(String),
    /// Some verifier may not know the next key yet.
    #[error("the next key {kid} can be activated from {ready_at}; before that, some verifiers may not have fetched it")]
    TooEarly {
        kid: String,
        /// When it may be activated.
        ready_at: Timestamp,
    },
    /// Tokens signed with the key are still valid.
    #[error(
        "the key {kid} is needed until {until} to verify the tokens that it signed; retire it after that, or run \
         `countersign keys revoke {kid}` to invalidate these tokens now"
    )]
    Needed {
        kid: String,
        /// When the last of them expires.
        until: Timestamp,
    },
    /// The key is the current or the next one.
    #[error("{0} is in use, and only retired keys can be removed; in an emergency, run `countersign keys revoke {0}`")]
    InUse(String),
    /// The sealing key is the newest one.
    #[error(
        "{0} is the active sealing key; create another one with `countersign keys sealing rotate`, and retire this \
         one later"
    )]
    SealingInUse(String),
    /// The sealing key is active, or was until recently.
    #[error("the sealing key {id} is needed until {until}; retire it after that")]
    SealingNeeded {
        id: String,
        /// When it can be retired.
        until: Timestamp,
    },
    /// There is no such key.
    #[error("unknown key {0}; run `countersign keys list` or `countersign keys sealing list` to see all keys")]
    Unknown(String),
    /// The folder or the database cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// The first keys of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Generated {
    pub kid: String,
    /// The sealing key; `None` if there already was one.
    pub sealing: Option<String>,
}

/// The first RSA key of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GeneratedRsa {
    pub kid: String,
}

/// The state that a change starts from.
struct Start {
    locked: Locked,
    keys: FolderKeys,
    history: History,
    now: Timestamp,
}

impl KeyOperator {
    /// Creates the operator's view of this folder and database.
    pub fn new(options: KeyOptions, db: Db, clock: Clock) -> Self {
        Self { options, db, clock }
    }

    /// Creates a signing key in a folder without one, regardless of the database's records, and a sealing key if there is
    /// none.
    ///
    /// # Errors
    /// [`OperatorError::NotEmpty`], or if the folder cannot be written.
    pub async fn generate(&self) -> Result<Generated, OperatorError> {
        let locked = self.options.lock().await?;
        let snapshot = Reading::of(&self.options).await?.snapshot;
        if snapshot.signs() {
            return Err(OperatorError::NotEmpty(self.options.dir.display().to_string()));
        }
        let (key, now, passphrase) = (
            self.new_key::<SigningKey>().await?,
            self.clock.now(),
            self.options.passphrase.clone(),
        );
        let kid = key.kid().to_owned();
        let sealing = blocking(move || {
            locked.write_first(&key)?;
            match snapshot.seals() {
                true => Ok(None),
                false => locked.make_sealing(passphrase.as_ref(), now).map(Some),
            }
        })
        .await?;
        let sealing = sealing.map(|made| made.id);
        let name = KeyName {
            kid: &kid,
            alg: SigningAlg::Es256,
        };
        store::remember(&self.db, name, now, now)
            .await
            .map_err(KeysError::from)?;
        if let Some(id) = &sealing {
            store::remember_sealing(&self.db, id, now)
                .await
                .map_err(KeysError::from)?;
        }
        Ok(Generated { kid, sealing })
    }

    /// Creates an RSA key in a folder without one, regardless of the database's records. The folder must contain the other keys.
    ///
    /// # Errors
    /// [`OperatorError::HasRsa`], or if the folder cannot be written.
    pub async fn generate_rsa(&self) -> Result<GeneratedRsa, OperatorError> {
        let Start { locked, keys, now, .. } = self.start().await?;
        if let Some(rsa) = keys.rsa {
            return Err(OperatorError::HasRsa(rsa.current.kid().to_owned()));
        }
        let key = self.new_key::<RsaSigningKey>().await?;
        let kid = key.kid().to_owned();
        blocking(move || locked.write_first(&key)).await?;
        let name = KeyName {
            kid: &kid,
            alg: SigningAlg::Rs256,
        };
        store::remember(&self.db, name, now, now)
            .await
            .map_err(KeysError::from)?;
        Ok(GeneratedRsa { kid })
    }

    /// Returns how long a next key is published before it may be activated.
    pub fn propagation_delay(&self) -> Duration {
        self.options.propagation_delay()
    }

    async fn start(&self) -> Result<Start, KeysError> {
        // Locking would create the folder, which would be wrong for a mistyped path.
        if !Reading::of(&self.options).await?.snapshot.signs() {
            return Err(KeysError::Missing(self.options.dir.join("private.pem")));
        }
        let locked = self.options.lock().await?;
        let keys = Reading::of(&self.options).await?.keys().await?;
        let history = history(&self.db).await?;
        let current = keys.clone();
        let locked = blocking(move || locked.repair(&current).map(|()| locked)).await?;
        Ok(Start {
            locked,
            keys,
            history,
            now: self.clock.now(),
        })
    }

    /// Creates a key of this kind, on a blocking thread, because an RSA key takes a while.
    async fn new_key<K: KeyPair>(&self) -> Result<K, KeysError> {
        let path = self.options.dir.clone();
        blocking(move || K::generate().map_err(|source| KeysError::Unusable { path, source })).await
    }

    /// Returns the keys of this kind.
    fn set<'k, K: Stored>(&self, keys: &'k FolderKeys) -> Result<&'k KeySet<K>, OperatorError> {
        K::of(keys).ok_or(OperatorError::NoRsa)
    }

    fn ready_at(&self, kid: &str, history: &History) -> Option<Timestamp> {
        history
            .get(kid)
            .map(|record| record.first_seen_at + self.options.propagation_delay())
    }
}

/// Returns what selects this algorithm on the command line.
fn flag(alg: SigningAlg) -> &'static str {
    match alg {
        SigningAlg::Es256 => "",
        SigningAlg::Rs256 => " --rsa",
    }
}
