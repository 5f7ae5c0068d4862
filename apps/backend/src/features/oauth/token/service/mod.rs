//! Getting, revoking and introspecting tokens.

mod access;
mod audience;
mod error;
mod grant;
mod grants;
mod id_token;
mod introspect;
mod mint;
mod own_token;
mod prepared;
mod revoke;

use countersign_oauth::Parameters;
use http::HeaderMap;

pub use self::error::TokenError;
pub use self::introspect::Introspected;
pub use self::mint::IssuedTokens;
use crate::core::caller::Caller;
use crate::core::limits::{Key, Policy};
use crate::core::platform::Platform;
use crate::features::oauth::authorization::Authorization;
use crate::features::oauth::clients::{Client, Clients};
use crate::features::oauth::device_authorization::DeviceAuthorization;
use crate::features::operations::keys::Keys;
use crate::features::sign_in::revocation::Revocations;
use crate::features::sign_in::sessions::Sessions;

/// The token, revocation and introspection endpoints. Cloning is cheap.
#[derive(Clone)]
pub struct Tokens {
    pub(crate) platform: Platform,
    pub(crate) keys: Keys,
    pub(crate) revocations: Revocations,
    pub(crate) clients: Clients,
    pub(crate) sessions: Sessions,
    pub(crate) authorization: Authorization,
    pub(crate) device_authorization: DeviceAuthorization,
}

impl Tokens {
    /// Returns the client that a request comes from. Its rate limit is left to the caller.
    async fn client_of(
        &self,
        parameters: &Parameters,
        headers: &HeaderMap,
        caller: &Caller,
    ) -> Result<Client, TokenError> {
        // RFC 6749 §3.2: no parameter is sent twice, known or not.
        if parameters.doubled(&[]).is_some() {
            return Err(TokenError::Doubled);
        }
        Ok(self.clients.authenticate(headers, parameters, caller).await?)
    }

    /// Counts a request against the rate limit of its client. That of a confidential client is its own, because its server makes
    /// the requests of all its users; a public client has the network of its user.
    async fn limit(&self, client: &Client, caller: &Caller) -> Result<(), TokenError> {
        let key = match (client.is_public(), caller.request.prefix()) {
            (true, Some(network)) => Key::of(Policy::TokenPerAddress).address(network),
            _ => Key::of(Policy::TokenPerClient).identifier(&client.client_id),
        };
        self.spend(key).await
    }

    async fn spend(&self, key: Key) -> Result<(), TokenError> {
        let rate = key.rate(&self.platform.settings.limits);
        self.platform.limits.spend(key, rate).await?;
        Ok(())
    }
}
