//! The check itself: from a token's text to a verified user.

use std::sync::Arc;

use countersign_jose::{AccessTokenClaims, Expectation, verify_access_token};
use uuid::Uuid;

use crate::{Authority, Denied, Reason, Scopes, Standing};

/// Clocks of two machines may differ by this many seconds.
const LEEWAY: u32 = 30;

/// Verifies access tokens of one issuer for one service. Cloning it is cheap.
#[derive(Clone)]
pub struct Guard {
    authority: Arc<dyn Authority>,
}

/// Who sent a request, as the verified token says.
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
    /// A guard that believes `authority`.
    pub fn new(authority: impl Authority) -> Self {
        Self {
            authority: Arc::new(authority),
        }
    }

    /// Verifies a token and asks whether its session lives.
    ///
    /// # Errors
    /// [`Denied`] with [`Reason::Token`], [`Reason::Ended`] or [`Reason::Unavailable`].
    pub async fn verify(&self, token: &str) -> Result<VerifiedUser, Denied> {
        let claims = verify_access_token(token, |kid| self.authority.verifying_key(kid), &self.expectation())
            .map_err(|error| self.denied(Reason::Token(error)))?;
        match self.authority.standing(&claims).await {
            Standing::Live => Ok(VerifiedUser::from(claims)),
            Standing::Ended => Err(self.denied(Reason::Ended)),
            Standing::Unknown => Err(self.denied(Reason::Unavailable)),
        }
    }

    /// A refusal in the name of this guard's issuer.
    pub fn denied(&self, reason: Reason) -> Denied {
        Denied {
            realm: self.authority.issuer().to_owned(),
            reason,
        }
    }

    fn expectation(&self) -> Expectation<'_> {
        Expectation {
            issuer: self.authority.issuer(),
            audience: self.authority.audience(),
            now: self.authority.now(),
            leeway: LEEWAY,
        }
    }
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
