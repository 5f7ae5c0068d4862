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
mod signing;
mod watch;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign_jose::{
    IdTokenHint, IdTokenHintExpectation, Present, RsaSigningKey, SigningKey, VerifyingKey, decode_without_verifying,
    verify, verify_id_token_rs256,
};
use countersign_store::Db;
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;

pub use check::{check_keys, current_kid};
pub use operator::{
    Activated, KeyOperator, KeyState, ListedKey, ListedSealingKey, NextKey, OperatorError, RevokedKey, SealingState,
};
pub use options::KeyOptions;
pub use ring::PublishedKeys;
pub use signing::{IssueError, Reserved};

use self::lane::Lane;
use self::ring::{LEEWAY_SECONDS, Ring};
use self::sealing::Sealing;
use self::watch::Watch;
use super::KeysError;
use crate::core::clock::Clock;
use crate::core::sealing::SealingKeys;

/// How long verifiers cache the JWK Set. A next key is published for twice as long before it signs.
pub const JWKS_MAX_AGE: Duration = Duration::from_secs(300);

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

    /// Returns the unverified claims of a token that names a former key of this server, one that was retired or revoked. Anyone
    /// could have written them.
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

    /// Returns what is published at `/.well-known/jwks.json`.
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
