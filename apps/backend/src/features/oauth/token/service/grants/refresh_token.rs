//! Refreshing (RFC 6749 §6).

use std::time::Duration;

use super::{GrantRequest, IssuedTokens, TokenError, Tokens};
use crate::features::oauth::token::service::grant::{Grant, RequestedTokens};
use crate::features::oauth::token::service::mint::Opened;
use crate::features::sign_in::sessions::{GrantToken, Redeemer};

impl Tokens {
    pub(super) async fn refresh_token(&self, request: &GrantRequest<'_>) -> Result<IssuedTokens, TokenError> {
        let client = request.client;
        let presented = request.required("refresh_token")?;
        let presented: GrantToken = presented.parse().map_err(|_| TokenError::InvalidGrant)?;
        let asked = RequestedTokens {
            client,
            resource: request.optional("resource")?,
            scope: request.scopes()?,
        };
        // A spent token, and one of another client, are left to the rotation, which ends their grants.
        let found = self.sessions.find_grant(&presented).await?;
        let usable = found.filter(|found| found.is_usable && found.session.client_id == client.client_id);
        let prepared = match &usable {
            Some(found) => Some(self.prepare(&Grant::of(&found.session)?, &asked).await?),
            None => None,
        };
        fail::fail_point!("token::refresh");
        let by = Redeemer {
            client_id: &client.client_id,
            rotates: client.metadata.rotates(),
            idle_ttl: client.metadata.refresh_idle_ttl.map(Duration::from),
        };
        let (session, next) = self.sessions.rotate_grant(&presented, &by, request.caller).await?;
        let prepared = match prepared {
            Some(prepared) => prepared,
            // The repetition of a request whose response was lost, which spends nothing.
            None => self.prepare(&Grant::of(&session)?, &asked).await?,
        };
        let opened = Opened {
            session: &session,
            client,
            refresh_token: next,
            nonce: None,
        };
        self.tokens(prepared, opened).await
    }
}
