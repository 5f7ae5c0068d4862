//! Where a guard gets its keys from, and whom it asks whether a session still lives.

use countersign_jose::{AccessTokenClaims, JwkError, JwkSet, VerifyingKey};
use futures_util::future::BoxFuture;

/// The issuer as a guard sees it: its name, its keys, and what it says of a session.
///
/// Countersign itself is one (its keys and its database are in the same process); [`FixedKeys`] is another.
pub trait Authority: Send + Sync + 'static {
    /// The exact `iss` of every token that is accepted.
    fn issuer(&self) -> &str;

    /// The names under which the protected service accepts tokens; one of them must be in `aud`.
    fn audience(&self) -> &[String];

    /// The time now, in seconds since the epoch.
    fn now(&self) -> i64;

    /// The key with this `kid`, if the authority publishes it.
    fn verifying_key(&self, kid: &str) -> Option<VerifyingKey>;

    /// Whether the session behind these (already verified) claims still lives.
    fn standing<'a>(&'a self, claims: &'a AccessTokenClaims) -> BoxFuture<'a, Standing>;
}

/// What an [`Authority`] says of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The session lives.
    Live,
    /// The session was ended, or its account may no longer have one.
    Ended,
    /// Nobody could be asked just now; the guard answers 503, not 401.
    Unknown,
}

/// Keys that were handed over once, as a JWK Set: verifies offline and knows of no revocation.
pub struct FixedKeys {
    issuer: String,
    audience: Vec<String>,
    keys: Vec<VerifyingKey>,
    now: fn() -> i64,
}

impl FixedKeys {
    /// Accepts tokens of `issuer` for `audience` that are signed by a key of `keys`. `now` gives the time in
    /// seconds since the epoch.
    ///
    /// # Errors
    /// [`JwkError`] if a key of the set is no point on P-256.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: &JwkSet,
        now: fn() -> i64,
    ) -> Result<Self, JwkError> {
        let keys = keys.keys.iter().map(VerifyingKey::from_jwk).collect::<Result<_, _>>()?;
        Ok(Self {
            issuer: issuer.into(),
            audience: vec![audience.into()],
            keys,
            now,
        })
    }
}

impl Authority for FixedKeys {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    fn audience(&self) -> &[String] {
        &self.audience
    }

    fn now(&self) -> i64 {
        (self.now)()
    }

    fn verifying_key(&self, kid: &str) -> Option<VerifyingKey> {
        self.keys.iter().find(|key| key.kid() == kid).cloned()
    }

    fn standing<'a>(&'a self, _claims: &'a AccessTokenClaims) -> BoxFuture<'a, Standing> {
        Box::pin(std::future::ready(Standing::Live))
    }
}
