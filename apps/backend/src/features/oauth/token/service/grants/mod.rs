//! The grant types of the token endpoint, one file each.

mod authorization_code;
mod client_credentials;
mod device_code;
mod refresh_token;

use countersign_guard::Scopes;
use countersign_oauth::{GrantType, Parameters};
use http::HeaderMap;

use super::{IssuedTokens, TokenError, Tokens};
use crate::core::caller::Caller;
use crate::features::oauth::clients::Client;
use crate::features::oauth::device_authorization::DeviceError;

impl Tokens {
    /// Issues tokens for a grant (RFC 6749 §3.2).
    ///
    /// # Errors
    /// [`TokenError`]
    pub async fn issue(
        &self,
        parameters: &Parameters,
        headers: &HeaderMap,
        caller: &Caller,
    ) -> Result<IssuedTokens, TokenError> {
        let client = &self.client_of(parameters, headers, caller).await?;
        // ADR 0023: it has a rate of its own, that of its device.
        if self.is_poll_in_time(client, parameters).await? {
            return Err(DeviceError::Pending.into());
        }
        self.limit(client, caller).await?;
        let named = parameters.one("grant_type")?.ok_or(TokenError::Missing("grant_type"))?;
        let grant: GrantType = named.parse().map_err(|_| TokenError::UnsupportedGrantType)?;
        if !client.metadata.may_use(grant) {
            return Err(TokenError::UnauthorizedClient(
                "The client is not registered for this grant type (grant_types).",
            ));
        }
        let request = GrantRequest {
            client,
            parameters,
            caller,
        };
        match grant {
            GrantType::ClientCredentials => self.client_credentials(&request).await,
            GrantType::AuthorizationCode => self.authorization_code(&request).await,
            GrantType::RefreshToken => self.refresh_token(&request).await,
            GrantType::DeviceCode => self.device_code(&request).await,
        }
    }
}

/// A request of an authenticated client that may use the grant type.
struct GrantRequest<'a> {
    client: &'a Client,
    parameters: &'a Parameters,
    caller: &'a Caller,
}

impl<'a> GrantRequest<'a> {
    fn optional(&self, name: &'static str) -> Result<Option<&'a str>, TokenError> {
        Ok(self.parameters.one(name)?)
    }

    fn required(&self, name: &'static str) -> Result<&'a str, TokenError> {
        self.optional(name)?.ok_or(TokenError::Missing(name))
    }

    /// The requested scopes, if any.
    fn scopes(&self) -> Result<Option<Scopes>, TokenError> {
        let scopes = self.optional("scope")?.map(str::parse::<Scopes>).transpose();
        let scopes =
            scopes.map_err(|_| TokenError::InvalidScope("The scope contains a character that is not allowed."))?;
        Ok(scopes.filter(|scopes| !scopes.is_empty()))
    }
}
