//! Where a guard gets its keys from, and whom it asks whether a token was revoked.

use countersign_jose::{AccessTokenClaims, JwkError, JwkSet, VerifyingKey};
use futures_util::future::BoxFuture;

/// The issuer as a guard sees it: its name, its keys, and which tokens it has revoked.
///
/// Countersign itself is one (its keys and its database are in the same process); [`FixedKeys`] is another.
pub trait Authority: Send + Sync + 'static {
    /// The exact `iss` of every token that is accepted.
    fn issuer(&self) -> &str;

    /// The names under which the protected service accepts tokens; one of them must be in `aud`.
    fn audience(&self) -> &[String];

    /// The time now, in seconds since the epoch.
    fn now(&self) -> i64;

    /// By how many seconds the clocks of two machines may differ.
    fn leeway(&self) -> u32 {
        30
    }

    /// The key with this `kid`, if the authority publishes it.
    fn verifying_key(&self, kid: &str) -> Option<VerifyingKey>;

    /// Looks for a key that [`Authority::verifying_key`] does not have, where it may have been published just now.
    fn look_up_key<'a>(&'a self, _kid: &'a str) -> BoxFuture<'a, KeyLookup> {
        Box::pin(std::future::ready(KeyLookup::Unknown))
    }

    /// Whether the token with these (already verified) claims was revoked.
    fn token_status<'a>(&'a self, claims: &'a AccessTokenClaims) -> BoxFuture<'a, TokenStatus>;
}

/// What an [`Authority`] says of a token whose signature and claims hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenStatus {
    /// The token was not revoked.
    Valid,
    /// The token was revoked: its session has ended, or its account or client may no longer have tokens.
    Revoked,
    /// The token does not say rightly where its state is to be found.
    Refused(StatusFault),
    /// It cannot be found out just now; the guard answers 503, not 401.
    Unavailable,
}

/// The outcome of [`Authority::look_up_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyLookup {
    /// It is there now.
    Found,
    /// The authority publishes no such key.
    Unknown,
    /// It cannot be found out just now; the guard answers 503, not 401.
    Unavailable,
}

/// What is wrong with where a genuine token says that its state is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusFault {
    /// It has no `status`, and one is required.
    #[error("The token has no status.")]
    Missing,
    /// Its `uri` does not lie on the issuer's origin. Nothing was fetched.
    #[error("The token's status lies elsewhere than its issuer.")]
    Foreign,
    /// Its `idx` is behind the end of the list.
    #[error("The token's status list has no such place.")]
    OutsideOfList,
    /// The list is genuine, and says nothing of any session.
    #[error("The token's status list cannot be read.")]
    Unreadable,
}

/// Keys that were handed over once, as a JWK Set: verifies offline and knows of no revocation.
///
/// ```
/// use countersign_guard::{FixedKeys, Guard, Subject};
/// use countersign_jose::{AccessTokenClaims, RequiredClaims, SigningKey, TokenType};
/// use uuid::Uuid;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // What the issuer does.
/// let key = SigningKey::generate()?;
/// let mut claims = AccessTokenClaims::from(RequiredClaims {
///     iss: "https://auth.example.com".to_owned(),
///     sub: Subject::Account(Uuid::from_u128(1)),
///     aud: vec!["https://api.example.com".to_owned()].into(),
///     exp: 1_800_000_900,
///     iat: 1_800_000_000,
///     jti: Uuid::from_u128(2),
///     client_id: "countersign".to_owned(),
/// });
/// claims.scope = Some("products:read".to_owned());
/// let token = key.sign(TokenType::ACCESS_TOKEN, &claims)?;
///
/// // What the service does.
/// let keys = [key.verifying_key().to_jwk()].into_iter().collect();
/// let now = || 1_800_000_060;
/// let guard = Guard::new(FixedKeys::new("https://auth.example.com", "https://api.example.com", &keys, now)?);
/// let user = guard.verify(&token).await?.require_user()?;
/// assert_eq!(user.id, Uuid::from_u128(1));
/// user.require_scope("products:read")?;
/// assert_eq!(user.require_scope("products:write").unwrap_err().status(), 403);
/// # Ok(())
/// # }
/// ```
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
        let keys = keys
            .keys
            .iter()
            .map(VerifyingKey::from_published_jwk)
            .collect::<Result<_, _>>()?;
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

    fn token_status<'a>(&'a self, _claims: &'a AccessTokenClaims) -> BoxFuture<'a, TokenStatus> {
        Box::pin(std::future::ready(TokenStatus::Valid))
    }
}
