//! The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.5). Codes are checked and spent by `authorization`.

use super::{GrantRequest, IssuedTokens, TokenError, Tokens};
use crate::features::oauth::authorization::Redemption;
use crate::features::oauth::token::service::grant::{Grant, RequestedTokens};
use crate::features::oauth::token::service::mint::Opened;

impl Tokens {
    pub(super) async fn authorization_code(&self, request: &GrantRequest<'_>) -> Result<IssuedTokens, TokenError> {
        let (client, caller) = (request.client, request.caller);
        let redemption = Redemption {
            code: request.required("code")?,
            client,
            redirect_uri: request.optional("redirect_uri")?,
            code_verifier: request.optional("code_verifier")?,
            resource: request.optional("resource")?,
        };
        let code = self.authorization.present(&redemption, caller).await?;
        let grant = Grant {
            account: code.account(),
            scopes: code.scopes(),
            resources: code.resources().into_iter().map(str::to_owned).collect(),
            claims: code.claims().cloned().unwrap_or_default(),
        };
        let asked = RequestedTokens {
            client,
            resource: redemption.resource,
            // RFC 6749 §4.1.3: a token request with a code has no scope.
            scope: None,
        };
        let prepared = self.prepare(&grant, &asked).await?;
        let redeemed = self.authorization.redeem(code, &redemption, caller).await?;
        let opened = Opened {
            session: &redeemed.session,
            client,
            refresh_token: redeemed.refresh_token,
            nonce: redeemed.nonce.as_deref(),
        };
        self.tokens(prepared, opened).await
    }
}
