//! The device code grant (RFC 8628 §3.4). Codes are checked and spent by `device_authorization`.

use countersign_oauth::{ClaimsRequest, GrantType, Parameters};
use countersign_store::StoreError;

use super::{GrantRequest, IssuedTokens, TokenError, Tokens};
use crate::features::oauth::clients::Client;
use crate::features::oauth::device_authorization::DeviceError;
use crate::features::oauth::token::service::grant::{Grant, RequestedTokens};
use crate::features::oauth::token::service::mint::Opened;

impl Tokens {
    /// Returns whether a request is a poll for a pending code of this client, no earlier than its interval allows. Records the
    /// poll.
    pub(super) async fn is_poll_in_time(&self, client: &Client, sent: &Parameters) -> Result<bool, StoreError> {
        let grant = GrantType::DeviceCode;
        let is_poll = sent.one("grant_type") == Ok(Some(grant.as_str())) && client.metadata.may_use(grant);
        match sent.one("device_code") {
            Ok(Some(code)) if is_poll => self.device_authorization.poll_in_time(code, client).await,
            _ => Ok(false),
        }
    }

    pub(super) async fn device_code(&self, request: &GrantRequest<'_>) -> Result<IssuedTokens, TokenError> {
        let (client, caller) = (request.client, request.caller);
        let code = request.required("device_code")?;
        let asked = RequestedTokens {
            client,
            resource: request.optional("resource")?,
            scope: None,
        };
        let code = self.device_authorization.poll(code, client).await?;
        let grant = Grant {
            account: code.account(),
            scopes: code.scopes(),
            resources: code.resources().into_iter().map(str::to_owned).collect(),
            claims: ClaimsRequest::default(),
        };
        let prepared = self.prepare(&grant, &asked).await.map_err(|error| match error {
            // The user has withdrawn the consent, or may no longer sign in.
            TokenError::InvalidGrant => DeviceError::Denied.into(),
            error => error,
        })?;
        let redeemed = self.device_authorization.redeem(&code, client, caller).await?;
        let opened = Opened {
            session: &redeemed.session,
            client,
            refresh_token: redeemed.refresh_token,
            nonce: None,
        };
        self.tokens(prepared, opened).await
    }
}
