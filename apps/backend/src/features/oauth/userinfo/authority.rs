//! Which access tokens the endpoint accepts.

use countersign_guard::{AccessTokenClaims, Authority, TokenStatus};
use countersign_jose::VerifyingKey;
use futures_util::future::BoxFuture;

use crate::core::clock::Clock;
use crate::core::ids::AccountId;
use crate::core::layers::note_account;
use crate::features::operations::keys::Keys;
use crate::features::sign_in::revocation::Revocations;

/// This server as the authority for its UserInfo endpoint. It accepts the tokens of all clients, for this audience only.
pub struct UserInfoAuthority {
    /// The exact `iss`.
    pub issuer: String,
    /// The only accepted `aud`: the URL of the endpoint.
    pub audience: [String; 1],
    /// The clock that decides what has expired.
    pub clock: Clock,
    pub keys: Keys,
    pub revocations: Revocations,
}

impl Authority for UserInfoAuthority {
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

    /// What the token itself tells. The service also asks the database.
    fn token_status<'a>(&'a self, claims: &'a AccessTokenClaims) -> BoxFuture<'a, TokenStatus> {
        Box::pin(async move {
            if let Some(account) = claims.sub.account() {
                note_account(AccountId(account));
            }
            // The guard's leeway is for other computers' clocks.
            let Some(reference) = claims.status.as_ref().filter(|_| claims.exp > self.now()) else {
                return TokenStatus::Revoked;
            };
            match self.revocations.is_live(reference).await {
                Ok(true) => TokenStatus::Valid,
                Ok(false) => TokenStatus::Revoked,
                Err(error) => {
                    tracing::warn!(%error, "failed to look up a revocation; responding with 503");
                    TokenStatus::Unavailable
                }
            }
        })
    }
}
