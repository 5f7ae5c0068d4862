//! Tokens for an API behind a proxy, from whichever client.

use countersign_guard::{AccessTokenClaims, Authority, Denied, Guard, TokenStatus, VerifiedUser, bearer_token};
use countersign_jose::VerifyingKey;
use countersign_store::{Db, StoreError};
use futures_util::future::BoxFuture;
use http::HeaderMap;

use super::Forward;
use crate::core::clock::Clock;
use crate::core::first_party::FIRST_PARTY_CLIENT;
use crate::core::ids::AccountId;
use crate::core::layers::note_account;
use crate::features::oauth::apis;
use crate::features::oauth::clients;
use crate::features::operations::keys::Keys;
use crate::features::sign_in::revocation::Revocations;

/// Why a request to an API is refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiRefusal {
    /// The proxy's URL names no API.
    #[error("no such API")]
    UnknownAudience,
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Forward {
    /// Returns the user of a token for a registered API. Other clients of the OpenID provider may have got it for the user; a
    /// client's own token is refused, because there is no user to name.
    pub async fn user_of_api(&self, audience: &str, headers: &HeaderMap) -> Result<VerifiedUser, ApiRefusal> {
        let Some(api) = apis::resolve(&self.platform.db, audience).await? else {
            return Err(ApiRefusal::UnknownAudience);
        };
        let guard = Guard::new(ApiAuthority {
            issuer: self.platform.settings.issuer.as_str().to_owned(),
            // The token names the API as it was registered.
            audience: [api.identifier.clone()],
            clock: self.platform.clock.clone(),
            db: self.platform.db.clone(),
            keys: self.keys.clone(),
            revocations: self.revocations.clone(),
        });
        let token = bearer_token(headers).map_err(|reason| guard.denied(reason))?;
        Ok(guard.verify(token).await?.require_user()?)
    }
}

/// This server as the authority for one API. Unlike for its own routes, the token may be of any client.
struct ApiAuthority {
    issuer: String,
    audience: [String; 1],
    clock: Clock,
    db: Db,
    keys: Keys,
    revocations: Revocations,
}

impl ApiAuthority {
    async fn lives(&self, claims: &AccessTokenClaims) -> Result<bool, StoreError> {
        if let Some(account) = claims.sub.account() {
            note_account(AccountId(account));
            // A user's token belongs to a session or a grant.
            if claims.sid.is_none() {
                return Ok(false);
            }
        }
        let Some(reference) = &claims.status else {
            return Ok(false);
        };
        // As for the routes of this server, a token never outlives its session.
        if claims.exp <= self.now() || !self.revocations.is_live(reference).await? {
            return Ok(false);
        }
        // A disabled client is refused before its grants have ended.
        Ok(claims.client_id == FIRST_PARTY_CLIENT || clients::may_use(&self.db, &claims.client_id).await?.is_some())
    }
}

impl Authority for ApiAuthority {
    fn issuer(&self) -> &str {
        &self.issuer
    }

    fn audience(&self) -> &[String] {
        &self.audience
    }

    fn now(&self) -> i64 {
        self.clock.now().seconds()
    }

    fn verifying_key(&self, kid: &str) -> Option<VerifyingKey> {
        self.keys.verifying_key(kid)
    }

    fn token_status<'a>(&'a self, claims: &'a AccessTokenClaims) -> BoxFuture<'a, TokenStatus> {
        Box::pin(async move {
            match self.lives(claims).await {
                Ok(true) => TokenStatus::Valid,
                Ok(false) => TokenStatus::Revoked,
                Err(error) => {
                    tracing::warn!(%error, "failed to look up a session; responding with 503");
                    TokenStatus::Unavailable
                }
            }
        })
    }
}
