//! The check itself: from a token's text to a verified token.

use std::sync::Arc;

use countersign_jose::{AccessTokenClaims, AccessTokenExpectation, Present, TokenError, VerifyingKey, verify};

#[cfg(feature = "cache")]
use crate::cache::Cache;
use crate::{Authority, Denied, Reason, Sought, Standing, VerifiedToken};

/// Verifies access tokens of one issuer for one service. Cloning it is cheap.
#[derive(Clone)]
pub struct Guard {
    inner: Arc<Inner>,
}

struct Inner {
    authority: Box<dyn Authority>,
    #[cfg(feature = "cache")]
    cache: Option<Cache>,
}

impl Guard {
    /// A guard that believes `authority` and remembers no token.
    pub fn new(authority: impl Authority) -> Self {
        let inner = Inner {
            authority: Box::new(authority),
            #[cfg(feature = "cache")]
            cache: None,
        };
        Self { inner: Arc::new(inner) }
    }

    /// A guard that believes `authority` and remembers up to `entries` tokens that it has verified. Whether a session
    /// lives is asked every time.
    #[cfg(feature = "cache")]
    pub fn with_cache(authority: impl Authority, entries: usize) -> Self {
        let inner = Inner {
            authority: Box::new(authority),
            cache: (entries > 0).then(|| Cache::new(entries)),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Verifies a token and asks whether it was taken back.
    ///
    /// Whom it is about is for the caller to ask: [`VerifiedToken::require_user`] gives the person.
    ///
    /// # Errors
    /// [`Denied`] with [`Reason::Token`], [`Reason::Status`], [`Reason::Ended`] or [`Reason::Unavailable`].
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, Denied> {
        let verified = self.believe(token).await.map_err(|reason| self.denied(reason))?;
        let reason = match self.authority().standing(verified.claims()).await {
            Standing::Live => return Ok(verified),
            Standing::Ended => Reason::Ended,
            Standing::Refused(fault) => Reason::Status(fault),
            Standing::Unknown => Reason::Unavailable,
        };
        Err(self.denied(reason))
    }

    /// A refusal in the name of this guard's issuer.
    pub fn denied(&self, reason: Reason) -> Denied {
        Denied {
            realm: self.authority().issuer().to_owned(),
            reason,
        }
    }

    /// All of the check but the session's standing.
    #[cfg(feature = "cache")]
    async fn believe(&self, token: &str) -> Result<VerifiedToken, Reason> {
        let Some(cache) = &self.inner.cache else {
            return Ok(self.check(token).await?.0);
        };
        let name = Cache::name(token);
        if let Some(verified) = cache.recall(&name, self.authority()) {
            return Ok(verified);
        }
        let (verified, key) = self.check(token).await?;
        cache.remember(name, &verified, key);
        Ok(verified)
    }

    #[cfg(not(feature = "cache"))]
    async fn believe(&self, token: &str) -> Result<VerifiedToken, Reason> {
        Ok(self.check(token).await?.0)
    }

    /// Verifies a token, once more if its key had to be looked for and was found.
    async fn check(&self, token: &str) -> Result<(VerifiedToken, VerifyingKey), Reason> {
        let kid = match self.check_with_known_keys(token) {
            Ok(verified) => return Ok(verified),
            Err(Unverified::Refused(error)) => return Err(Reason::Token(error)),
            Err(Unverified::KeyMissing(kid)) => kid,
        };
        match self.authority().seek_key(&kid).await {
            Sought::Found => self
                .check_with_known_keys(token)
                .map_err(|unverified| match unverified {
                    Unverified::Refused(error) => Reason::Token(error),
                    Unverified::KeyMissing(_) => Reason::Token(TokenError::UnknownKey),
                }),
            Sought::Unknown => Err(Reason::Token(TokenError::UnknownKey)),
            Sought::Unavailable => Err(Reason::Unavailable),
        }
    }

    fn check_with_known_keys(&self, token: &str) -> Result<(VerifiedToken, VerifyingKey), Unverified> {
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
            (_, _, Some(kid)) => Err(Unverified::KeyMissing(kid)),
            (Err(error), ..) => Err(Unverified::Refused(error)),
            // No claims without a signature that holds, and none holds without a key.
            (Ok(_), None, None) => Err(Unverified::Refused(TokenError::UnknownKey)),
        }
    }

    fn authority(&self) -> &dyn Authority {
        &*self.inner.authority
    }
}

/// Why a token is not verified (yet).
enum Unverified {
    Refused(TokenError),
    KeyMissing(String),
}
