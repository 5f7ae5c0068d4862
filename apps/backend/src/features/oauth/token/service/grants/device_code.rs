//! The device code grant (RFC 8628 §3.4). Codes are checked and spent by `device_authorization`.

use super::{GrantRequest, IssuedTokens, TokenError, Tokens};
use crate::features::oauth::token::service::grant::Grant;

impl Tokens {
    pub(super) async fn device_code(&self, request: &GrantRequest<'_>) -> Result<IssuedTokens, TokenError> {
        let code = request.required("device_code")?;
        let resource = request.optional("resource")?;
        // What cannot be issued is refused before the code is spent, so that neither a mistake nor a fault costs a grant.
        let mut has_openid = false;
        if let Some((scopes, apis)) = self.device_authorization.allowed(code, request.client).await? {
            self.target_of(request.client, &scopes, &apis, resource).await?;
            has_openid = scopes.contains("openid");
        }
        let reserved = self.reserve(request.client, has_openid).await?;
        let redeemed = self
            .device_authorization
            .redeem(code, request.client, request.caller)
            .await?;
        let grant = Grant {
            session: &redeemed.session,
            client: request.client,
            resource,
            scope: None,
            nonce: None,
        };
        self.tokens(&grant, redeemed.refresh_token, reserved).await
    }
}
