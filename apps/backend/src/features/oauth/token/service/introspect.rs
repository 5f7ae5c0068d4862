//! Introspection (RFC 7662): whether a token is valid at this moment.

use countersign_guard::AccessTokenClaims;
use countersign_oauth::Parameters;
use countersign_store::StoreError;
use http::HeaderMap;

use super::{TokenError, Tokens};
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::limits::{Key, Policy};
use crate::features::oauth::apis;
use crate::features::oauth::clients::Client;
use crate::features::sign_in::sessions::{GrantToken, Session, held_scopes};

/// A valid token that the client may know.
pub enum Introspected {
    Access(Box<AccessTokenClaims>),
    /// A refresh token, the current one of its grant.
    Refresh {
        issuer: String,
        session: Box<Session>,
        expires_at: Timestamp,
    },
}

impl Tokens {
    /// Returns what a token is. `None`: it is not valid, or it was neither issued to this client nor for an API that
    /// this client represents.
    ///
    /// # Errors
    /// [`TokenError`]
    pub async fn introspect(
        &self,
        parameters: &Parameters,
        headers: &HeaderMap,
        caller: &Caller,
    ) -> Result<Option<Introspected>, TokenError> {
        if parameters.doubled(&[]).is_some() {
            return Err(TokenError::Doubled);
        }
        let client = self.clients.authenticate(headers, parameters, caller).await?;
        // RFC 7662 §2.1: the endpoint must not be open to anyone who finds tokens.
        if client.is_public() {
            return Err(TokenError::UnauthorizedClient(
                "A public client cannot introspect tokens.",
            ));
        }
        self.spend(Key::of(Policy::IntrospectPerClient).identifier(&client.client_id))
            .await?;
        let token = parameters.one("token")?.ok_or(TokenError::Missing("token"))?;
        // RFC 7662 §2.1: `token_type_hint` is only a hint. The type is recognized from the token.
        if let Ok(presented) = token.parse() {
            return Ok(self.refresh_token_of(&client, &presented).await?);
        }
        let Some(mut claims) = self.valid(token).await? else {
            return Ok(None);
        };
        if claims.client_id != client.client_id && !self.is_audience(&client, &claims).await? {
            return Ok(None);
        }
        let held = held_scopes(&self.platform.db, &claims).await?;
        claims.scope = Some(held.to_string()).filter(|scope| !scope.is_empty());
        Ok(Some(Introspected::Access(Box::new(claims))))
    }

    /// Returns a refresh token of the client's own. It is not for APIs.
    async fn refresh_token_of(
        &self,
        client: &Client,
        presented: &GrantToken,
    ) -> Result<Option<Introspected>, StoreError> {
        let found = self.sessions.find_grant(presented).await?;
        let found = found.filter(|found| found.is_usable && found.session.client_id == client.client_id);
        Ok(found.map(|found| Introspected::Refresh {
            issuer: self.platform.settings.issuer.as_str().to_owned(),
            session: Box::new(found.session),
            expires_at: found.refresh_expires_at,
        }))
    }

    /// Returns whether the client represents an API that the token is for.
    async fn is_audience(&self, client: &Client, claims: &AccessTokenClaims) -> Result<bool, StoreError> {
        let apis = apis::all(&self.platform.db).await?;
        let mut its_own = apis
            .iter()
            .filter(|api| api.disabled_at.is_none() && api.client_id.as_deref() == Some(client.client_id.as_str()));
        Ok(its_own.any(|api| claims.aud.iter().any(|audience| audience == api.identifier)))
    }
}
