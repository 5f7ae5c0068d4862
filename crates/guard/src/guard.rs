//! The check itself: from a token's text to a verified token.

use std::sync::Arc;
#[cfg(feature = "http")]
use std::sync::atomic::{AtomicBool, Ordering};

use countersign_jose::{
    AccessTokenClaims, AccessTokenExpectation, ClaimsError, Present, TokenError, VerifyingKey, verify,
};

#[cfg(feature = "cache")]
use crate::cache::Cache;
use crate::wrong_audience::WrongAudience;
use crate::{Authority, Denied, KeyLookup, Reason, TokenStatus, VerifiedToken};

/// Verifies access tokens of one issuer for one service. Cloning it is cheap.
#[derive(Clone)]
pub struct Guard {
    inner: Arc<Inner>,
}

struct Inner {
    authority: Box<dyn Authority>,
    #[cfg(feature = "cache")]
    cache: Option<Cache>,
    /// Whether the next token for another audience is logged. Only a guard that a service configures itself does that.
    #[cfg(feature = "http")]
    logs_audience: AtomicBool,
}

impl Guard {
    /// Creates a guard that trusts `authority`, without a cache.
    pub fn new(authority: impl Authority) -> Self {
        let inner = Inner {
            authority: Box::new(authority),
            #[cfg(feature = "cache")]
            cache: None,
            #[cfg(feature = "http")]
            logs_audience: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Creates a guard that trusts `authority` and caches up to `entries` verified tokens. Whether a session is active is
    /// checked every time.
    #[cfg(feature = "cache")]
    pub fn with_cache(authority: impl Authority, entries: usize) -> Self {
        let inner = Inner {
            authority: Box::new(authority),
            cache: Cache::new(entries),
            #[cfg(feature = "http")]
            logs_audience: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Logs the first token for another audience.
    #[cfg(feature = "http")]
    pub(crate) fn logging_audience(self) -> Self {
        self.inner.logs_audience.store(true, Ordering::Relaxed);
        self
    }

    /// Verifies a token and checks whether it was revoked.
    ///
    /// The subject may be a client: [`VerifiedToken::require_user`] returns the user.
    ///
    /// # Errors
    /// [`Denied`] with [`Reason::Token`], [`Reason::Status`], [`Reason::Revoked`] or [`Reason::Unavailable`].
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, Denied> {
        let verified = self.verify_cached(token).await;
        let verified = verified.map_err(|reason| self.denied_token(reason, token))?;
        let reason = match self.authority().token_status(verified.claims()).await {
            TokenStatus::Valid => return Ok(verified),
            TokenStatus::Revoked => Reason::Revoked,
            TokenStatus::Refused(fault) => Reason::Status(fault),
            TokenStatus::Unavailable => Reason::Unavailable,
        };
        Err(self.denied(reason))
    }

    /// Creates a `Denied` with this guard's issuer as its realm.
    pub fn denied(&self, reason: Reason) -> Denied {
        Denied::new(self.authority().issuer(), reason)
    }

    /// Creates a `Denied` for a token that was not verified.
    fn denied_token(&self, reason: Reason, token: &str) -> Denied {
        let audiences = match reason {
            Reason::Token(TokenError::Claims(ClaimsError::WrongAudience)) => {
                Some(WrongAudience::of(token, self.authority().audience()))
            }
            _ => None,
        };
        #[cfg(feature = "http")]
        if let Some(audiences) = &audiences
            && self.inner.logs_audience.swap(false, Ordering::Relaxed)
        {
            // Once: most likely, the audience of this guard is wrong, and the response does not say so.
            tracing::warn!(%audiences, "rejected a token; if it is for this service, correct the guard's audience");
        }
        Denied {
            audiences,
            ..self.denied(reason)
        }
    }

    /// Performs the whole check except revocation.
    #[cfg(feature = "cache")]
    async fn verify_cached(&self, token: &str) -> Result<VerifiedToken, Reason> {
        let Some(cache) = &self.inner.cache else {
            return Ok(self.verify_uncached(token).await?.0);
        };
        if let Some(verified) = cache.recall(token, self.authority()) {
            return Ok(verified);
        }
        let (verified, key) = self.verify_uncached(token).await?;
        cache.remember(token, &verified, key);
        Ok(verified)
    }

    #[cfg(not(feature = "cache"))]
    async fn verify_cached(&self, token: &str) -> Result<VerifiedToken, Reason> {
        Ok(self.verify_uncached(token).await?.0)
    }

    /// Verifies a token, and again if its key had to be looked up and was found.
    async fn verify_uncached(&self, token: &str) -> Result<(VerifiedToken, VerifyingKey), Reason> {
        let kid = match self.verify_with_known_keys(token) {
            Ok(verified) => return Ok(verified),
            Err(VerifyError::Refused(error)) => return Err(Reason::Token(error)),
            Err(VerifyError::KeyMissing(kid)) => kid,
        };
        match self.authority().look_up_key(&kid).await {
            KeyLookup::Found => self.verify_with_known_keys(token).map_err(|error| match error {
                VerifyError::Refused(error) => Reason::Token(error),
                VerifyError::KeyMissing(_) => Reason::Token(TokenError::UnknownKey),
            }),
            KeyLookup::Unknown => Err(Reason::Token(TokenError::UnknownKey)),
            KeyLookup::Unavailable => Err(Reason::Unavailable),
        }
    }

    fn verify_with_known_keys(&self, token: &str) -> Result<(VerifiedToken, VerifyingKey), VerifyError> {
        let authority = self.authority();
        let expect = AccessTokenExpectation {
            issuer: authority.issuer(),
            audience: authority.audience(),
            present: Present {
                now: authority.now(),
                leeway: authority.leeway(),
            },
        };
        let mut used = None;
        let mut missing = None;
        let find = |kid: &str| {
            used = authority.verifying_key(kid);
            if used.is_none() {
                missing = Some(kid.to_owned());
            }
            used.clone()
        };
        let verified = verify::<AccessTokenClaims>(token, find, &expect);
        match (verified, used, missing) {
            (Ok(claims), Some(key), _) => Ok((VerifiedToken::new(claims), key)),
            (_, _, Some(kid)) => Err(VerifyError::KeyMissing(kid)),
            (Err(error), ..) => Err(VerifyError::Refused(error)),
            // Without a key there is no verified signature, and so no claims.
            (Ok(_), None, None) => Err(VerifyError::Refused(TokenError::UnknownKey)),
        }
    }

    fn authority(&self) -> &dyn Authority {
        &*self.inner.authority
    }
}

/// Why a token is not verified (yet).
enum VerifyError {
    Refused(TokenError),
    KeyMissing(String),
}
