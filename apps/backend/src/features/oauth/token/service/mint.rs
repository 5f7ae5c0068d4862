//! The tokens of grants are made here and nowhere else: access tokens (RFC 9068) and ID tokens (OpenID Connect Core §2).

use std::time::Duration;

use countersign_guard::{AccessTokenClaims, Scopes};
use countersign_jose::{Audience, RequiredClaims, Subject, at_hash};

use super::id_token::{self, IdTokenOf};
use super::prepared::Prepared;
use super::{TokenError, Tokens};
use crate::core::clock::Timestamp;
use crate::core::ids::uuid_v7;
use crate::core::layers::note_account;
use crate::features::oauth::apis::Api;
use crate::features::oauth::authorization::Target;
use crate::features::oauth::clients::{Client, ClientAuthError};
use crate::features::sign_in::sessions::{GrantToken, Session, acr};

/// A grant that is open, for its next tokens.
pub(super) struct Opened<'a> {
    pub(super) session: &'a Session,
    pub(super) client: &'a Client,
    /// The next refresh token, if the client gets one.
    pub(super) refresh_token: Option<GrantToken>,
    /// The `nonce` of the authorization request; `None` at a refresh.
    pub(super) nonce: Option<&'a str>,
}

/// Tokens for a client. No `Debug`.
pub struct IssuedTokens {
    pub access_token: String,
    /// The lifetime of the access token in seconds.
    pub expires_in: i64,
    pub refresh_token: Option<String>,
    pub id_token: Option<String>,
    /// The scopes of the access token, separated by spaces; empty if it has none.
    pub scope: String,
}

impl Tokens {
    /// Issues the tokens of a grant that is open. Nothing is read of the database any more.
    ///
    /// # Errors
    /// [`TokenError`]
    pub(super) async fn tokens(&self, prepared: Prepared, opened: Opened<'_>) -> Result<IssuedTokens, TokenError> {
        let Opened { session, client, .. } = opened;
        note_account(session.account_id);
        let now = self.platform.clock.now();
        let api = match &prepared.target {
            Target::Api(api) => Some(&**api),
            Target::Userinfo(_) => None,
        };
        let until = (now + self.access_ttl(api)).min(session.expires_at);
        let subject = Subject::Account(session.account_id.0);
        let mut claims = self.claims(client, subject, prepared.target.identifier(), now, until);
        claims.sid = Some(session.id.0);
        claims.scope = Some(prepared.scopes.to_string()).filter(|scope| !scope.is_empty());
        claims.auth_time = Some(session.auth_time.seconds());
        claims.amr = Some(session.amr.split_ascii_whitespace().map(str::to_owned).collect());
        claims.acr = Some(acr(&session.amr).name().to_owned());
        claims.status = Some(self.revocations.reference(session.bit()));
        let access_token = self.keys.issue(&claims, now).await?;
        let id_token = match prepared.user {
            Some(user) => {
                let claims = id_token::claims(IdTokenOf {
                    issuer: self.platform.settings.issuer.as_str(),
                    session,
                    client,
                    user,
                    nonce: opened.nonce,
                    at_hash: at_hash(&access_token),
                    now,
                    ttl: self.platform.settings.provider.id_token_ttl,
                });
                let alg = client.metadata.id_token_signed_response_alg;
                Some(self.keys.sign_reserved(prepared.reserved, alg, &claims, now).await?)
            }
            None => None,
        };
        Ok(IssuedTokens {
            access_token,
            expires_in: claims.exp - claims.iat,
            refresh_token: opened.refresh_token.map(|token| token.reveal()),
            id_token,
            scope: prepared.scopes.to_string(),
        })
    }

    /// Issues an access token to the client itself. It is revoked by the client's own bit.
    ///
    /// # Errors
    /// [`TokenError`]
    pub(super) async fn issue_to_client(
        &self,
        client: &Client,
        api: &Api,
        scopes: &Scopes,
    ) -> Result<IssuedTokens, TokenError> {
        // It was disabled or deleted since it was authenticated.
        let bit = self
            .clients
            .machine_bit(client)
            .await?
            .ok_or(ClientAuthError::Refused)?;
        let now = self.platform.clock.now();
        let subject = Subject::Client(client.client_id.clone());
        let mut claims = self.claims(client, subject, &api.identifier, now, now + self.access_ttl(Some(api)));
        claims.scope = Some(scopes.to_string()).filter(|scope| !scope.is_empty());
        claims.status = Some(self.revocations.reference(bit));
        Ok(IssuedTokens {
            access_token: self.keys.issue(&claims, now).await?,
            expires_in: claims.exp - claims.iat,
            refresh_token: None,
            id_token: None,
            scope: scopes.to_string(),
        })
    }

    /// The claims that every access token has (RFC 9068 §2.2).
    fn claims(
        &self,
        client: &Client,
        sub: Subject,
        audience: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> AccessTokenClaims {
        AccessTokenClaims::from(RequiredClaims {
            iss: self.platform.settings.issuer.as_str().to_owned(),
            sub,
            aud: Audience::from(vec![audience.to_owned()]),
            exp: until.seconds(),
            iat: now.seconds(),
            jti: uuid_v7(now, self.platform.random),
            client_id: client.client_id.clone(),
        })
    }

    fn access_ttl(&self, api: Option<&Api>) -> Duration {
        let most = self.platform.settings.provider.access_ttl;
        let of_api = api.and_then(|api| api.access_ttl).map(Duration::from);
        of_api.map_or(most, |ttl| most.min(ttl))
    }
}
