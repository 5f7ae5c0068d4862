//! The keys of a running server: signing, verification, publication, and following the folder.

mod check;
mod first;
mod lane;
mod open;
mod operator;
mod options;
mod reading;
mod ring;
mod sealing;
mod watch;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign_jose::{
    AccessTokenClaims, Claims, ClientClaims, IdTokenHint, IdTokenHintExpectation, Present, RsaSigningKey, SignError,
    SigningAlg, SigningKey, StatusListClaims, TokenType, VerifyingKey, decode_without_verifying, verify,
    verify_id_token_rs256,
};
use countersign_store::{Db, StoreError};
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::sync::Mutex;

pub use check::{check_keys, current_kid};
pub use operator::{
    Activated, KeyOperator, KeyState, ListedKey, ListedSealingKey, NextKey, OperatorError, RevokedKey, SealingState,
};
pub use options::KeyOptions;
pub use ring::PublishedKeys;

use self::lane::{Full, Lane, Place};
use self::options::HINT_AGE;
use self::ring::{LEEWAY_SECONDS, Ring};
use self::sealing::Sealing;
use self::watch::Watch;
use super::folder::Stored;
use super::store::KeyName;
use super::{KeysError, store};
use crate::core::clock::{Clock, Timestamp};
use crate::core::sealing::SealingKeys;

/// How long verifiers cache the JWK Set. A next key is published for twice as long before it signs.
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(300);

/// How far ahead the recorded expiry of a key's last token is moved, so that the database is written once an hour instead
/// of for each token.
const AHEAD: Duration = Duration::from_secs(60 * 60);

/// How long the key of a document without an expiry, a signed answer of the userinfo endpoint, is needed.
const UNSTATED: Duration = Duration::from_secs(60 * 60);

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
    rsa_lane: Lane,
    /// Whether an RSA key could be created in the folder when it was last read.
    writable: AtomicBool,
}

/// The tokens of a request can be signed: the keys are there, the database knows how long they are needed, and with RS256, a
/// place is reserved.
pub struct Reserved {
    alg: Option<SigningAlg>,
    place: Option<Place>,
}

/// Why a token could not be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The key was revoked, and the folder contains no other one yet.
    #[error("the signing key was revoked, and there is no other key yet")]
    Revoked,
    /// The folder contains no RSA key.
    #[error("there is no RSA key; create one with `countersign keys generate --rsa`, and mount it on every node")]
    NoRsaKey,
    /// Too many RSA signatures are waiting.
    #[error("too many RSA signatures are waiting")]
    Busy,
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
        let key: &Arc<SigningKey> = self.signing_key_until(&ring, seconds(claims.exp), now).await?;
        Ok(key.sign(TokenType::ACCESS_TOKEN, claims)?)
    }

    /// Signs a status list, like [`issue`](Self::issue).
    ///
    /// # Errors
    /// [`IssueError`]
    pub async fn issue_list(&self, claims: &StatusListClaims, now: Timestamp) -> Result<String, IssueError> {
        let ring = self.ring();
        let key: &Arc<SigningKey> = self.signing_key_until(&ring, seconds(claims.exp), now).await?;
        Ok(key.sign(TokenType::STATUS_LIST, claims)?)
    }

    /// Signs a document that does not expire, such as a checkpoint of the audit log. The key is not kept for it; verifiers
    /// keep the public keys themselves.
    ///
    /// # Errors
    /// [`IssueError`], except those of the database.
    pub fn issue_lasting<C: Claims + Serialize>(&self, claims: &C) -> Result<String, IssueError> {
        let ring = self.ring();
        let key = ring.signing_key::<SigningKey>().ok_or(IssueError::Revoked)?;
        Ok(key.sign(C::TYPE, claims)?)
    }

    /// Signs a token for a client, like [`issue`](Self::issue). An RSA signature is made on a thread of its own.
    ///
    /// # Errors
    /// [`IssueError`]
    pub async fn sign_for_client<C: ClientClaims>(
        &self,
        alg: SigningAlg,
        claims: &C,
        now: Timestamp,
    ) -> Result<String, IssueError> {
        let place = match alg {
            SigningAlg::Es256 => None,
            SigningAlg::Rs256 => Some(self.reserve_place()?),
        };
        self.sign(place, claims, now).await
    }

    /// Makes sure that an access token, and an ID token with this algorithm, can be signed with these lifetimes. Call it before
    /// anything is spent for them, such as a code, so that a fault costs no grant; and not inside a transaction.
    ///
    /// # Errors
    /// [`IssueError`]
    pub async fn reserve(
        &self,
        alg: Option<SigningAlg>,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Reserved, IssueError> {
        let ring = self.ring();
        let _: &Arc<SigningKey> = self.signing_key_until(&ring, now + ttl, now).await?;
        let until = now + ttl + HINT_AGE;
        let place = match alg {
            None => None,
            Some(SigningAlg::Es256) => {
                let _: &Arc<SigningKey> = self.signing_key_until(&ring, until, now).await?;
                None
            }
            Some(SigningAlg::Rs256) => {
                let ring = self.ring_with_rsa().await?;
                let _: &Arc<RsaSigningKey> = self.signing_key_until(&ring, until, now).await?;
                Some(self.reserve_place()?)
            }
        };
        Ok(Reserved { alg, place })
    }

    /// Signs a token for a client, like [`sign_for_client`](Self::sign_for_client), at the place that was reserved for it.
    ///
    /// # Errors
    /// [`IssueError`]
    pub async fn sign_reserved<C: ClientClaims>(
        &self,
        reserved: Reserved,
        alg: SigningAlg,
        claims: &C,
        now: Timestamp,
    ) -> Result<String, IssueError> {
        match reserved.place {
            Some(place) if reserved.alg == Some(alg) => self.sign(Some(place), claims, now).await,
            // The client was changed meanwhile.
            _ => self.sign_for_client(alg, claims, now).await,
        }
    }

    fn reserve_place(&self) -> Result<Place, IssueError> {
        self.0.rsa_lane.reserve().map_err(|Full| IssueError::Busy)
    }

    /// Signs with RS256 at a place in the lane, and with ES256 without.
    async fn sign<C: ClientClaims>(
        &self,
        place: Option<Place>,
        claims: &C,
        now: Timestamp,
    ) -> Result<String, IssueError> {
        let exp = claims.expires_at().map_or(now + UNSTATED, seconds);
        let until = if C::IS_HINT { exp + HINT_AGE } else { exp };
        match place {
            None => {
                let ring = self.ring();
                let key: &Arc<SigningKey> = self.signing_key_until(&ring, until, now).await?;
                Ok(key.sign(C::TYPE, claims)?)
            }
            Some(place) => {
                let ring = self.ring_with_rsa().await?;
                let key: &Arc<RsaSigningKey> = self.signing_key_until(&ring, until, now).await?;
                let (key, claims) = (key.clone(), claims.clone());
                let signed = self.0.rsa_lane.run(place, move || key.sign(&claims)).await;
                Ok(signed.map_err(|Full| IssueError::Busy)??)
            }
        }
    }

    /// Verifies an ID token of ours that came back as an `id_token_hint`. It may have expired: until its key is retired, it still
    /// says whom it was issued for. `None` for everything else, such as an access token or a token of another issuer.
    pub fn verify_id_token_hint(&self, token: &str) -> Option<IdTokenHint> {
        let (ring, now) = (self.ring(), self.0.clock.now());
        let expect = IdTokenHintExpectation {
            issuer: &self.0.options.issuer,
            present: Present {
                now: now.seconds(),
                leeway: LEEWAY_SECONDS,
            },
        };
        // One algorithm each; the token does not choose.
        verify::<IdTokenHint>(token, |kid| ring.verifying_key::<SigningKey>(kid, now), &expect)
            .or_else(|_| verify_id_token_rs256(token, |kid| ring.verifying_key::<RsaSigningKey>(kid, now), &expect))
            .ok()
    }

    /// Returns what a token claims whose key was this server's, but verifies nothing any more: it was retired or revoked.
    /// Anyone could have written these claims.
    pub fn claimed_with_former_key(&self, token: &str) -> Option<serde_json::Value> {
        let read = decode_without_verifying(token).ok()?;
        let kid = read.header["kid"].as_str()?;
        let (ring, now) = (self.ring(), self.0.clock.now());
        let is_former = ring.history.contains_key(kid)
            && ring.verifying_key::<SigningKey>(kid, now).is_none()
            && ring.verifying_key::<RsaSigningKey>(kid, now).is_none();
        is_former.then_some(read.claims)
    }

    /// Creates the RSA key unless there is one. Call it when the first client appears that has its ID tokens signed with RS256.
    ///
    /// # Errors
    /// [`KeysError`]; [`KeysError::RsaUnwritable`] says what to do if the folder cannot be written.
    pub async fn ensure_rsa(&self) -> Result<(), KeysError> {
        if self.ring().keys.rsa.is_some() {
            return Ok(());
        }
        let made = first::make_first_rsa_key(&self.0.options, &self.0.db, self.0.clock.now()).await?;
        self.refresh().await;
        let ring = self.ring();
        let Some(rsa) = &ring.keys.rsa else {
            return Err(KeysError::Missing(self.0.options.folder().rsa()));
        };
        if made {
            tracing::info!(
                kid = rsa.current.kid(),
                "created the RSA key for clients that use RS256"
            );
        }
        Ok(())
    }

    /// Returns whether ID tokens can be signed with RS256, now or once a client needs it: there is an RSA key, or the folder can
    /// be written.
    pub fn offers_rs256(&self) -> bool {
        let ring = self.ring();
        match &ring.keys.rsa {
            Some(_) => ring.signing_key::<RsaSigningKey>().is_some(),
            None => self.0.writable.load(Ordering::Relaxed),
        }
    }

    /// Registers the metrics of RSA signatures.
    pub fn register(&self, registry: &mut Registry) {
        self.0.rsa_lane.register(registry);
    }

    /// Returns every public ES256 key in the folder that was not revoked, whatever its use.
    pub fn public_keys(&self) -> Vec<VerifyingKey> {
        let ring = self.ring();
        let keys = ring.keys.ec.public_halves();
        keys.filter(|key| !ring::is_revoked(&ring.history, key.kid()))
            .cloned()
            .collect()
    }

    /// Returns the keys, with an RSA key. Another process may have created it since the folder was last read.
    async fn ring_with_rsa(&self) -> Result<Arc<Ring>, IssueError> {
        let ring = self.ring();
        if ring.keys.rsa.is_some() {
            return Ok(ring);
        }
        self.refresh().await;
        let ring = self.ring();
        match ring.keys.rsa {
            Some(_) => Ok(ring),
            None => Err(IssueError::NoRsaKey),
        }
    }

    /// Returns the signing key, after recording that it is needed until `until`.
    async fn signing_key_until<'r, K: Stored>(
        &self,
        ring: &'r Ring,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<&'r Arc<K>, IssueError> {
        let key = ring.signing_key::<K>().ok_or(IssueError::Revoked)?;
        if !ring.may_sign_until(K::ALG, until) {
            // One task writes; the others wait for it and then need not write.
            let _extending = self.0.extending.lock().await;
            if !ring.may_sign_until(K::ALG, until) {
                let name = KeyName {
                    kid: key.id(),
                    alg: K::ALG,
                };
                store::extend(&self.0.db, name, now, until + AHEAD).await?;
                ring.extend_until(K::ALG, until + AHEAD);
            }
        }
        Ok(key)
    }

    /// Returns the id of the current key, even if it was revoked.
    pub fn signing_kid(&self) -> String {
        self.ring().keys.ec.current.kid().to_owned()
    }

    /// Returns how long ago a server first saw the current key.
    pub fn signing_age(&self) -> Duration {
        let ring = self.ring();
        let seen = ring
            .history
            .get(ring.keys.ec.current.kid())
            .map(|record| record.first_seen_at.millis());
        let now = self.0.clock.now().millis();
        Duration::from_millis(u64::try_from(now - seen.unwrap_or(now)).unwrap_or(0))
    }

    /// Returns the ES256 key with this id if its tokens are valid now: the current key, a retired one until its last token has
    /// expired, or the next one once it may be activated. A revoked key is never returned.
    pub fn verifying_key(&self, kid: &str) -> Option<VerifyingKey> {
        self.ring().verifying_key::<SigningKey>(kid, self.0.clock.now())
    }

    /// Returns whether there is a signing key; not if it was revoked and has not been replaced.
    pub fn can_sign(&self) -> bool {
        self.ring().signing_key::<SigningKey>().is_some()
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

fn seconds(at: i64) -> Timestamp {
    Timestamp(at.saturating_mul(1000))
}
