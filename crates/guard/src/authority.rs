//! The source of a guard's keys and of the revocation status of tokens.

use countersign_jose::{AccessTokenClaims, JwkError, JwkSet, VerifyingKey};
use futures_util::future::BoxFuture;

/// The issuer from the guard's point of view: its name, its keys, and the tokens that it has revoked.
///
/// Countersign's server implements it with its own keys and database; [`FixedKeys`] is another implementation.
pub trait Authority: Send + Sync + 'static {
    /// Returns the exact `iss` of every accepted token.
    fn issuer(&self) -> &str;

    /// Returns the names for which the protected service accepts tokens; one of them must be in `aud`.
    fn audience(&self) -> &[String];

    /// Returns the current time, in seconds since the epoch.
    fn now(&self) -> i64;

    /// Returns the allowed clock difference, in seconds.
    fn leeway(&self) -> u32 {
        30
    }

    /// Returns the key with this `kid`, if the authority publishes it.
    fn verifying_key(&self, kid: &str) -> Option<VerifyingKey>;

    /// Looks for a key that [`Authority::verifying_key`] does not have, because it may have been published recently.
    fn look_up_key<'a>(&'a self, _kid: &'a str) -> BoxFuture<'a, KeyLookup> {
        Box::pin(std::future::ready(KeyLookup::Unknown))
    }

    /// Returns whether the token with these (already verified) claims was revoked.
    fn token_status<'a>(&'a self, claims: &'a AccessTokenClaims) -> BoxFuture<'a, TokenStatus>;
}

/// The status of a token whose signature and claims are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenStatus {
    /// The token was not revoked.
    Valid,
    /// The token was revoked: its session has ended, or its account or client may no longer have tokens.
    Revoked,
    /// The token does not correctly name where its status is published.
    Refused(StatusFault),
    /// Currently unknown; the guard answers 503, not 401.
    Unavailable,
}

/// The outcome of [`Authority::look_up_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyLookup {
    /// The key is available now.
    Found,
    /// The authority does not publish this key.
    Unknown,
    /// Currently unknown; the guard answers 503, not 401.
    Unavailable,
}

/// What is wrong with the status reference of a genuine token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusFault {
    /// The token has no `status`, and one is required.
    #[error("The token has no status claim.")]
    Missing,
    /// Its `uri` is not on the issuer's origin. Nothing was fetched.
    #[error("The token's status list is not on the issuer's origin.")]
    Foreign,
    /// Its `idx` is beyond the end of the list.
    #[error("The token's status index is out of range.")]
    OutsideOfList,
    /// The list is genuine but unusable.
    #[error("The token's status list cannot be read.")]
    Unreadable,
}

/// A fixed JWK Set. Verifies tokens offline and does not know of revocations.
///
/// ```
/// use countersign_guard::{FixedKeys, Guard, Subject};
/// use countersign_jose::{AccessTokenClaims, RequiredClaims, SigningKey, TokenType};
/// use uuid::Uuid;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The issuer:
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
/// // The service:
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
    /// Accepts tokens of `issuer` for `audience` that are signed with a key of `keys`. `now` returns the time in seconds
    /// since the epoch.
    ///
    /// # Errors
    /// [`JwkError`] if a key of the set is not a point on P-256.
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
