//! The keys of a running server: signing, verifying, publishing, and following the folder.

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

/// How long verifiers keep the JWK Set. A next key is published for twice as long before it signs.
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(300);

/// By how much more than needed the remembered end of a key's tokens is moved: one write to the database an hour
/// rather than one with each token.
const AHEAD: Duration = Duration::from_secs(60 * 60);

/// The keys of a server. Cloning it is cheap.
#[derive(Clone)]
pub struct Keys(Arc<Parts>);

struct Parts {
    options: KeyOptions,
    db: Db,
    clock: Clock,
    created: bool,
    ring: RwLock<Arc<Ring>>,
    sealing: Sealing,
    /// Held by the one who tells the database that tokens will live longer.
    extending: Mutex<()>,
    watch: Mutex<Watch>,
}

/// Why no token was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The key was revoked, and its folder holds no other one yet.
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
    /// The server's own symmetric keys. They follow the folder as long as this does.
    pub fn sealing(&self) -> SealingKeys {
        self.0.sealing.keys.clone()
    }

    /// How many sealing keys the database knows to be in use and the folder does not hold.
    pub fn missing_sealing_keys(&self) -> usize {
        self.0.sealing.missing()
    }

    /// Whether this start made the first key.
    pub fn created(&self) -> bool {
        self.0.created
    }

    /// How long verifiers keep the JWK Set.
    pub fn max_age(&self) -> Duration {
        self.0.options.max_age
    }

    /// Signs an access token. Not to be called inside a transaction: now and then it writes to the database, which
    /// remembers until when each key's tokens live.
    ///
    /// # Errors
    /// [`IssueError`]
    pub async fn issue(&self, claims: &AccessTokenClaims, now: Timestamp) -> Result<String, IssueError> {
        let ring = self.ring();
        let key = self.signing_key_until(&ring, claims.exp, now).await?;
        Ok(key.sign(TokenType::ACCESS_TOKEN, claims)?)
    }

    /// Signs a status list, as [`issue`](Self::issue) signs an access token.
    ///
    /// # Errors
    /// [`IssueError`]
    pub async fn issue_list(&self, claims: &StatusListClaims, now: Timestamp) -> Result<String, IssueError> {
        let ring = self.ring();
        let key = self.signing_key_until(&ring, claims.exp, now).await?;
        Ok(key.sign(TokenType::STATUS_LIST, claims)?)
    }

    /// Signs what does not expire, such as a checkpoint of the audit log. No key is kept for it: those who verify it keep
    /// the keys themselves.
    ///
    /// # Errors
    /// [`IssueError`], but nothing of the database.
    pub fn issue_lasting<C: Claims + Serialize>(&self, claims: &C) -> Result<String, IssueError> {
        let ring = self.ring();
        let key = ring.signing_key().ok_or(IssueError::Revoked)?;
        Ok(key.sign(C::TYPE, claims)?)
    }

    /// Every public key of the folder that was not revoked, whatever it is used for now.
    pub fn public_keys(&self) -> Vec<VerifyingKey> {
        let ring = self.ring();
        let keys = ring.keys.verifying_keys();
        keys.filter(|key| !ring::is_revoked(&ring.history, key.kid()))
            .cloned()
            .collect()
    }

    /// The key that signs, remembered to be needed until `exp`.
    async fn signing_key_until<'r>(
        &self,
        ring: &'r Ring,
        exp: i64,
        now: Timestamp,
    ) -> Result<&'r SigningKey, IssueError> {
        let key = ring.signing_key().ok_or(IssueError::Revoked)?;
        let until = Timestamp(exp.saturating_mul(1000));
        if !ring.may_sign_until(until) {
            // One writes, the others wait for it and find it done.
            let _extending = self.0.extending.lock().await;
            if !ring.may_sign_until(until) {
                store::extend(&self.0.db, key.kid(), now, until + AHEAD).await?;
                ring.extend_until(until + AHEAD);
            }
        }
        Ok(key)
    }

    /// The name of the key that signs, or would if it had not been revoked.
    pub fn signing_kid(&self) -> String {
        self.ring().keys.current.kid().to_owned()
    }

    /// How long ago the key that signs was first seen by a server.
    pub fn signing_age(&self) -> Duration {
        let ring = self.ring();
        let seen = ring
            .history
            .get(ring.keys.current.kid())
            .map(|record| record.first_seen_at.millis());
        let now = self.0.clock.now().millis();
        Duration::from_millis(u64::try_from(now - seen.unwrap_or(now)).unwrap_or(0))
    }

    /// The key of this name, if tokens that it signed are to be believed now: the current key, a retired one as long
    /// as a token of it can live, the next one once it may be activated; never one that was revoked.
    pub fn verifying_key(&self, kid: &str) -> Option<VerifyingKey> {
        self.ring().verifying_key(kid, self.0.clock.now())
    }

    /// Whether there is a key to sign with; there is none when it was revoked and no other has taken its place.
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
