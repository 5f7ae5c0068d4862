//! Tokens for an API behind a proxy, of any client.

use countersign_guard::{Denied, Guard, Reason, VerifiedUser, bearer_token};
use countersign_store::StoreError;
use http::HeaderMap;

use super::Forward;
use crate::core::first_party::FIRST_PARTY_CLIENT;
use crate::features::oauth::apis;
use crate::features::oauth::clients;
use crate::features::sign_in::sessions::{AcceptedClients, ServerAuthority};

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
        let guard = Guard::new(ServerAuthority {
            issuer: self.platform.settings.issuer.as_str().to_owned(),
            // The token names the API as it was registered.
            audience: vec![api.identifier.clone()],
            clients: AcceptedClients::All,
            clock: self.platform.clock.clone(),
            keys: self.keys.clone(),
            revocations: self.revocations.clone(),
        });
        let token = bearer_token(headers).map_err(|reason| guard.denied(reason))?;
        let user = guard.verify(token).await?.require_user()?;
        // A disabled client is refused before its grants have ended.
        let client_id = &user.claims.client_id;
        if client_id != FIRST_PARTY_CLIENT && clients::may_use(&self.platform.db, client_id).await?.is_none() {
            return Err(guard.denied(Reason::Revoked).into());
        }
        Ok(user)
    }
}
