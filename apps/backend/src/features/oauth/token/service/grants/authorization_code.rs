//! The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.5). Codes are checked and spent by `authorization`.

use super::{GrantRequest, IssuedTokens, TokenError, Tokens};
use crate::features::oauth::authorization::Redemption;
use crate::features::oauth::token::service::grant::Grant;

impl Tokens {
    pub(super) async fn authorization_code(&self, request: &GrantRequest<'_>) -> Result<IssuedTokens, TokenError> {
        let redemption = Redemption {
            code: request.required("code")?,
            client: request.client,
            redirect_uri: request.optional("redirect_uri")?,
            code_verifier: request.optional("code_verifier")?,
            resource: request.optional("resource")?,
        };
        let redeemed = self.authorization.redeem(&redemption, request.caller).await?;
        let grant = Grant {
            session: &redeemed.session,
            client: request.client,
            resource: redemption.resource,
            // RFC 6749 §4.1.3: a token request with a code has no scope.
            scope: None,
            nonce: redeemed.nonce.as_deref(),
        };
        self.tokens(&grant, redeemed.refresh_token, redeemed.reserved).await
    }
}
