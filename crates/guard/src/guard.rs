//! The check itself: from a token's text to a verified user.

use std::sync::Arc;

use countersign_jose::{AccessTokenClaims, AccessTokenExpectation, Present, TokenError, VerifyingKey, verify};
use uuid::Uuid;

#[cfg(feature = "cache")]
use crate::cache::Cache;
use crate::{Authority, Denied, Reason, Scopes, Sought, Standing};

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

/// Who sent a request, as the verified token says. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct VerifiedUser {
    /// The account's id (`sub`).
    pub id: Uuid,
    /// The session's id (`sid`).
    pub session: Uuid,
    /// The scopes that were granted.
    pub scopes: Scopes,
    /// All claims of the token.
    pub claims: Arc<AccessTokenClaims>,
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

    /// Verifies a token and asks whether its session lives.
    ///
    /// # Errors
    /// [`Denied`] with [`Reason::Token`], [`Reason::Status`], [`Reason::Ended`] or [`Reason::Unavailable`].
    pub async fn verify(&self, token: &str) -> Result<VerifiedUser, Denied> {
        let user = self.believe(token).await.map_err(|reason| self.denied(reason))?;
        let reason = match self.authority().standing(&user.claims).await {
            Standing::Live => return Ok(user),
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
    async fn believe(&self, token: &str) -> Result<VerifiedUser, Reason> {
        let Some(cache) = &self.inner.cache else {
            return Ok(self.check(token).await?.0);
        };
        let name = Cache::name(token);
        if let Some(user) = cache.recall(&name, self.authority()) {
            return Ok(user);
        }
        let (user, key) = self.check(token).await?;
        cache.remember(name, &user, key);
        Ok(user)
    }

    #[cfg(not(feature = "cache"))]
    async fn believe(&self, token: &str) -> Result<VerifiedUser, Reason> {
        Ok(self.check(token).await?.0)
    }

    /// Verifies a token, once more if its key had to be looked for and was found.
    async fn check(&self, token: &str) -> Result<(VerifiedUser, VerifyingKey), Reason> {
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

    fn check_with_known_keys(&self, token: &str) -> Result<(VerifiedUser, VerifyingKey), Unverified> {
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
            (Ok(claims), Some(key), _) => Ok((VerifiedUser::from(claims), key)),
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

impl From<AccessTokenClaims> for VerifiedUser {
    fn from(claims: AccessTokenClaims) -> Self {
        // A scope that the issuer signed is granted as it stands.
        let scopes = claims
            .scope
            .iter()
            .flat_map(|scope| scope.split(' '))
            .filter(|scope| !scope.is_empty());
        Self {
            id: claims.sub,
            session: claims.sid,
            scopes: scopes.map(str::to_owned).collect(),
            claims: Arc::new(claims),
        }
    }
}
