//! The keys of a running server: signing, verification, publication, and following the folder.

mod check;
mod first;
mod open;
mod operator;
mod options;
mod reading;
mod ring;
mod sealing;
mod watch;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign_jose::{AccessTokenClaims, Claims, SignError, SigningKey, StatusListClaims, TokenType, VerifyingKey};
use countersign_store::{Db, StoreError};
use serde::Serialize;
use tokio::sync::Mutex;

pub use check::{check_keys, current_kid};
pub use operator::{
    Activated, KeyOperator, KeyState, ListedKey, ListedSealingKey, NextKey, OperatorError, RevokedKey, SealingState,
};
pub use options::KeyOptions;
pub use ring::PublishedKeys;

use self::ring::Ring;
use self::sealing::Sealing;
use self::watch::Watch;
use super::store;
use crate::core::clock::{Clock, Timestamp};
use crate::core::sealing::SealingKeys;

/// How long verifiers cache the JWK Set. A next key is published for twice as long before it signs.
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(300);

/// How far ahead the recorded expiry of a key's last token is moved, so that the database is written once an hour instead
/// of for each token.
const AHEAD: Duration = Duration::from_secs(60 * 60);

/// The keys of a server. Cloning is cheap.
#[derive(Clone)]
pub struct Keys(Arc<Parts>);

struct Parts {
    options: KeyOptions,
    db: Db,
    clock: Clock,
    created: bool,
    ring: RwLock<Arc<Ring>>,
    sealing: Sealing,
    /// Held while the recorded expiry of the current key is extended in the database.
    extending: Mutex<()>,
    watch: Mutex<Watch>,
}

/// Why a token could not be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The key was revoked, and the folder contains no other one yet.
    #[error("the signing key was revoked, and there is no other key yet")]
    Revoked,
    /// The token could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keys {
    /// Returns the server's own symmetric keys. They follow the folder as long as `self` does.
    pub fn sealing(&self) -> SealingKeys {
        self.0.sealing.keys.clone()
    }

    /// Returns the number of sealing keys that are in use according to the database but missing from the folder.
    pub fn missing_sealing_keys(&self) -> usize {
        self.0.sealing.missing()
    }

    /// Returns whether this process created the first key.
    pub fn created(&self) -> bool {
        self.0.created
    }

    /// Returns how long verifiers cache the JWK Set.
    pub fn max_age(&self) -> Duration {
        self.0.options.max_age
    }

    /// Signs an access token. Do not call it inside a transaction: it sometimes writes to the database, which records until
    /// when each key's tokens are valid.
    ///
    /// # Errors
    /// [`IssueError`]
    pub async fn issue(&self, claims: &AccessTokenClaims, now: Timestamp) -> Result<String, IssueError> {
        let ring = self.ring();
        let key = self.signing_key_until(&ring, claims.exp, now).await?;
        Ok(key.sign(TokenType::ACCESS_TOKEN, claims)?)
    }

    /// Signs a status list, like [`issue`](Self::issue).
    ///
    /// # Errors
    /// [`IssueError`]
    pub async fn issue_list(&self, claims: &StatusListClaims, now: Timestamp) -> Result<String, IssueError> {
        let ring = self.ring();
        let key = self.signing_key_until(&ring, claims.exp, now).await?;
        Ok(key.sign(TokenType::STATUS_LIST, claims)?)
    }

    /// Signs a document that does not expire, such as a checkpoint of the audit log. The key is not kept for it; verifiers
    /// keep the public keys themselves.
    ///
    /// # Errors
    /// [`IssueError`], except those of the database.
    pub fn issue_lasting<C: Claims + Serialize>(&self, claims: &C) -> Result<String, IssueError> {
        let ring = self.ring();
        let key = ring.signing_key().ok_or(IssueError::Revoked)?;
        Ok(key.sign(C::TYPE, claims)?)
    }

    /// Returns every public key in the folder that was not revoked, whatever its use.
    pub fn public_keys(&self) -> Vec<VerifyingKey> {
        let ring = self.ring();
        let keys = ring.keys.verifying_keys();
        keys.filter(|key| !ring::is_revoked(&ring.history, key.kid()))
            .cloned()
            .collect()
    }

    /// Returns the signing key, after recording that it is needed until `exp`.
    async fn signing_key_until<'r>(
        &self,
        ring: &'r Ring,
        exp: i64,
        now: Timestamp,
    ) -> Result<&'r SigningKey, IssueError> {
        let key = ring.signing_key().ok_or(IssueError::Revoked)?;
        let until = Timestamp(exp.saturating_mul(1000));
        if !ring.may_sign_until(until) {
            // One task writes; the others wait for it and then need not write.
            let _extending = self.0.extending.lock().await;
            if !ring.may_sign_until(until) {
                store::extend(&self.0.db, key.kid(), now, until + AHEAD).await?;
                ring.extend_until(until + AHEAD);
            }
        }
        Ok(key)
    }

    /// Returns the id of the current key, even if it was revoked.
    pub fn signing_kid(&self) -> String {
        self.ring().keys.current.kid().to_owned()
    }

    /// Returns how long ago a server first saw the current key.
    pub fn signing_age(&self) -> Duration {
        let ring = self.ring();
        let seen = ring
            .history
            .get(ring.keys.current.kid())
            .map(|record| record.first_seen_at.millis());
        let now = self.0.clock.now().millis();
        Duration::from_millis(u64::try_from(now - seen.unwrap_or(now)).unwrap_or(0))
    }

    /// Returns the key with this id if its tokens are valid now: the current key, a retired one until its last token has
    /// expired, or the next one once it may be activated. A revoked key is never returned.
    pub fn verifying_key(&self, kid: &str) -> Option<VerifyingKey> {
        self.ring().verifying_key(kid, self.0.clock.now())
    }

    /// Returns whether there is a signing key; not if it was revoked and has not been replaced.
    pub fn can_sign(&self) -> bool {
        self.ring().signing_key().is_some()
    }

    pub fn published(&self) -> Arc<PublishedKeys> {
        self.ring().published.clone()
    }

    fn ring(&self) -> Arc<Ring> {
        self.0.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put_ring(&self, ring: Ring) {
        *self.0.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }
}
