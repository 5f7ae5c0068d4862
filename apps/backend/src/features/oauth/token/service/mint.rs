//! The tokens of grants are made here and nowhere else: access tokens (RFC 9068) and ID tokens (OpenID Connect Core §2). What they
//! contain is computed at each issue from what is registered, granted, consented and owned at that moment.

use std::time::Duration;

use countersign_guard::{AccessTokenClaims, Scopes};
use countersign_jose::{Audience, IdTokenClaims, RequiredClaims, Subject, at_hash};
use countersign_oauth::{ClaimsRequest, IdTokenClaimsMode};
use countersign_store::StoreError;

use super::access::Access;
use super::audience::Target;
use super::grant::Grant;
use super::id_token::{self, IdTokenOf};
use super::{TokenError, Tokens};
use crate::core::clock::Timestamp;
use crate::core::ids::uuid_v7;
use crate::core::layers::note_account;
use crate::features::identity::profiles::{self, Asked};
use crate::features::oauth::apis::Api;
use crate::features::oauth::clients::{Client, ClientAuthError};
use crate::features::operations::keys::{IssueError, Reserved};
use crate::features::sign_in::sessions::{GrantToken, Session, acr};

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
    /// Issues the tokens of a grant.
    ///
    /// # Errors
    /// [`TokenError`]
    pub(super) async fn tokens(
        &self,
        grant: &Grant<'_>,
        refresh_token: Option<GrantToken>,
        reserved: Reserved,
    ) -> Result<IssuedTokens, TokenError> {
        let Grant { session, client, .. } = *grant;
        note_account(session.account_id);
        let access = self.access(grant).await?;
        let now = self.platform.clock.now();
        let api = match &access.target {
            Target::Api(api) => Some(&**api),
            Target::Userinfo(_) => None,
        };
        let until = (now + self.access_ttl(api)).min(session.expires_at);
        let subject = Subject::Account(session.account_id.0);
        let mut claims = self.claims(client, subject, access.target.identifier(), now, until);
        claims.sid = Some(session.id.0);
        claims.scope = Some(access.scopes.to_string()).filter(|scope| !scope.is_empty());
        claims.auth_time = Some(session.auth_time.seconds());
        claims.amr = Some(session.amr.split_ascii_whitespace().map(str::to_owned).collect());
        claims.acr = Some(acr(&session.amr).name().to_owned());
        claims.status = Some(self.revocations.reference(session.bit()));
        let access_token = self.keys.issue(&claims, now).await?;
        let id_token = match access.openid.contains("openid") {
            true => {
                let alg = client.metadata.id_token_signed_response_alg;
                let claims = self.id_token(grant, &access, &access_token, now).await?;
                Some(self.keys.sign_reserved(reserved, alg, &claims, now).await?)
            }
            false => None,
        };
        Ok(IssuedTokens {
            access_token,
            expires_in: claims.exp - claims.iat,
            refresh_token: refresh_token.map(|token| token.reveal()),
            id_token,
            scope: access.scopes.to_string(),
        })
    }

    /// Makes sure that the tokens of a grant can be signed, before anything is spent for them.
    pub(super) async fn reserve(&self, client: &Client, has_openid: bool) -> Result<Reserved, IssueError> {
        let alg = has_openid.then_some(client.metadata.id_token_signed_response_alg);
        let ttl = self.platform.settings.provider.longest_ttl();
        self.keys.reserve(alg, ttl, self.platform.clock.now()).await
    }

    /// Returns the claims of the ID token.
    async fn id_token(
        &self,
        grant: &Grant<'_>,
        access: &Access,
        access_token: &str,
        now: Timestamp,
    ) -> Result<IdTokenClaims, TokenError> {
        let Grant { session, client, .. } = *grant;
        let requested = requested(session)?;
        let none = Scopes::default();
        let asked = Asked {
            scopes: match client.metadata.id_token_claims {
                IdTokenClaimsMode::Scope => &access.openid,
                IdTokenClaimsMode::Minimal => &none,
            },
            requested: &requested.id_token,
            allowed: &access.consented,
        };
        let user = profiles::claims_for(&self.platform.db, session.account_id, &asked).await?;
        Ok(id_token::claims(IdTokenOf {
            issuer: self.platform.settings.issuer.as_str(),
            session,
            client,
            // Deleted or disabled at this moment.
            user: user.ok_or(TokenError::InvalidGrant)?,
            nonce: grant.nonce,
            at_hash: at_hash(access_token),
            now,
            ttl: self.platform.settings.provider.id_token_ttl,
        }))
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
        // Deleted since it was authenticated.
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

/// The `claims` of the authorization request (OpenID Connect Core §5.5).
fn requested(session: &Session) -> Result<ClaimsRequest, StoreError> {
    let Some(text) = &session.claims else {
        return Ok(ClaimsRequest::default());
    };
    text.parse().map_err(|_| StoreError::Inconsistent {
        table: "sessions",
        column: "claims",
    })
}
