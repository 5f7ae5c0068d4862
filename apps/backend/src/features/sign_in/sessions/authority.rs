//! The authority for tokens that this server accepts itself: the keys of this process and the bits of its status lists.

use countersign_guard::{AccessTokenClaims, Authority, TokenStatus};
use countersign_jose::VerifyingKey;
use countersign_store::StoreError;
use futures_util::future::BoxFuture;

use crate::core::clock::Clock;
use crate::core::first_party::FIRST_PARTY_CLIENT;
use crate::core::ids::AccountId;
use crate::core::layers::note_account;
use crate::features::operations::keys::Keys;
use crate::features::sign_in::revocation::Revocations;

/// The clients whose tokens are accepted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AcceptedClients {
    /// Only the first party: no other client may use the API of accounts for a user.
    FirstParty,
    /// Every client that the OpenID provider has given a token for this audience.
    All,
}

/// This server as the authority for tokens that are presented to itself.
pub struct ServerAuthority {
    /// The exact `iss`.
    pub issuer: String,
    /// The accepted `aud`.
    pub audience: Vec<String>,
    pub clients: AcceptedClients,
    /// The clock that decides what has expired.
    pub clock: Clock,
    pub keys: Keys,
    pub revocations: Revocations,
}

impl ServerAuthority {
    /// Returns whether the session, the grant or the client of a token is still what it was issued for.
    async fn is_active(&self, claims: &AccessTokenClaims) -> Result<bool, StoreError> {
        if let Some(account) = claims.sub.account() {
            note_account(AccountId(account));
        }
        // The tokens of other clients are for APIs, even if one of those has the same audience.
        if self.clients == AcceptedClients::FirstParty && claims.client_id != FIRST_PARTY_CLIENT {
            return Ok(false);
        }
        // A token of an account belongs to a session or a grant.
        if claims.sub.account().is_some() && claims.sid.is_none() {
            return Ok(false);
        }
        let Some(reference) = &claims.status else {
            return Ok(false);
        };
        // A token never outlives its session, but the guard's leeway could accept it after the session has expired.
        Ok(claims.exp > self.now() && self.revocations.is_live(reference).await?)
    }
}

impl Authority for ServerAuthority {
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
            match self.is_active(claims).await {
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
