//! The client credentials grant (RFC 6749 §4.4): a token for the client itself, without a user, a session or a refresh token.

use super::{GrantRequest, IssuedTokens, TokenError, Tokens};

impl Tokens {
    pub(super) async fn client_credentials(&self, request: &GrantRequest<'_>) -> Result<IssuedTokens, TokenError> {
        let client = request.client;
        // RFC 6749 §4.4: only confidential clients. Registration refuses others; this does not rely on it.
        if client.is_public() {
            return Err(TokenError::UnauthorizedClient(
                "A public client cannot use this grant type.",
            ));
        }
        let api = self.api_for_client(client, request.optional("resource")?).await?;
        let asked = request.scopes()?;
        // What a client may do without a user is what its registration names. It has nothing to do with what users may do.
        let allowed = match client.metadata.scope {
            Some(_) => client.allowed(&api.scopes.iter().map(|scope| scope.name.clone()).collect()),
            None => countersign_guard::Scopes::default(),
        };
        let scopes = asked
            .as_ref()
            .map_or_else(|| allowed.clone(), |asked| allowed.intersection(asked));
        if scopes.is_empty() && asked.is_some() {
            return Err(TokenError::InvalidScope(
                "The API has none of these scopes, or the client is not registered for them.",
            ));
        }
        self.issue_to_client(client, &api, &scopes).await
    }
}
