//! Refreshing (RFC 6749 §6).

use std::time::Duration;

use countersign_guard::Scopes;

use super::{GrantRequest, IssuedTokens, TokenError, Tokens};
use crate::features::oauth::clients::Client;
use crate::features::oauth::token::service::grant::Grant;
use crate::features::sign_in::sessions::{GrantToken, Redeemer, Session};

impl Tokens {
    pub(super) async fn refresh_token(&self, request: &GrantRequest<'_>) -> Result<IssuedTokens, TokenError> {
        let client = request.client;
        let presented = request.required("refresh_token")?;
        let presented: GrantToken = presented.parse().map_err(|_| TokenError::InvalidGrant)?;
        let asked = Asked {
            resource: request.optional("resource")?,
            scope: request.scopes()?,
        };
        // What cannot be issued is refused before the token is spent, so that neither a mistake nor a fault costs a grant. A spent
        // token, and one of another client, are left to the rotation, which ends their grants.
        let mut has_openid = false;
        let found = self.sessions.find_grant(&presented).await?;
        if let Some(found) = found
            && found.is_usable
            && found.session.client_id == client.client_id
        {
            let access = self.access(&asked.of(&found.session, client)).await?;
            has_openid = access.openid.contains("openid");
        }
        let reserved = self.reserve(client, has_openid).await?;
        fail::fail_point!("token::refresh");
        let by = Redeemer {
            client_id: &client.client_id,
            rotates: client.metadata.rotate_refresh_tokens,
            idle_ttl: client.metadata.refresh_idle_ttl.map(Duration::from),
        };
        let (session, next) = self.sessions.rotate_grant(&presented, &by, request.caller).await?;
        self.tokens(&asked.of(&session, client), next, reserved).await
    }
}

/// What a refresh asks for.
struct Asked<'a> {
    resource: Option<&'a str>,
    scope: Option<Scopes>,
}

impl Asked<'_> {
    fn of<'a>(&'a self, session: &'a Session, client: &'a Client) -> Grant<'a> {
        Grant {
            session,
            client,
            resource: self.resource,
            scope: self.scope.as_ref(),
            nonce: None,
        }
    }
}
