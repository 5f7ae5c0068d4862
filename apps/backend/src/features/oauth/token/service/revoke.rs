//! Revocation (RFC 7009).

use countersign_oauth::Parameters;
use http::HeaderMap;

use super::{TokenError, Tokens};
use crate::core::caller::Caller;
use crate::core::ids::SessionId;
use crate::features::sign_in::sessions::{GrantToken, LogoutNotice};

impl Tokens {
    /// Revokes a token of the client together with its grant, and so all refresh and access tokens of that grant.
    /// Returns whether that ended anything. The caller does not learn whether a token is unknown, no longer valid or
    /// another client's (RFC 7009 §2.2).
    ///
    /// # Errors
    /// [`TokenError`]
    pub async fn revoke(
        &self,
        parameters: &Parameters,
        headers: &HeaderMap,
        caller: &Caller,
    ) -> Result<bool, TokenError> {
        let client = &self.client_of(parameters, headers, caller).await?;
        self.limit(client, caller).await?;
        let token = parameters.one("token")?.ok_or(TokenError::Missing("token"))?;
        // RFC 7009 §2.1: `token_type_hint` is only a hint. The type is recognized from the token.
        let grant = match token.parse::<GrantToken>() {
            Ok(presented) => {
                let found = self.sessions.find_grant(&presented).await?.map(|found| found.session);
                found
                    .filter(|session| session.client_id == client.client_id)
                    .map(|session| session.id)
            }
            Err(_) => {
                let claims = self.valid(token).await?;
                match claims.filter(|claims| claims.client_id == client.client_id) {
                    Some(claims) if claims.sid.is_none() => {
                        // The tokens that a client gets for itself share one bit.
                        self.clients.revoke_machine_tokens(&client.client_id, caller).await?;
                        return Ok(true);
                    }
                    claims => claims.and_then(|claims| claims.sid).map(SessionId),
                }
            }
        };
        match grant {
            // The client revoked it, so it needs no notice.
            Some(grant) => Ok(self.sessions.revoke_grant(grant, LogoutNotice::Omit, caller).await?),
            None => Ok(false),
        }
    }
}
