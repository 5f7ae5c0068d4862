//! The claims of the user of an access token.

use countersign_guard::{Denied, Guard, Reason, Scopes};
use countersign_jose::UserInfoClaims;
use countersign_oauth::{ClaimsRequest, OPENID_SCOPES};
use countersign_store::StoreError;
use serde_json::{Map, Value};

use crate::core::ids::{AccountId, SessionId};
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::metrics::UserInfoOutcome;
use crate::core::oauth_endpoints::userinfo_audience;
use crate::core::platform::Platform;
use crate::features::identity::profiles::{RequestedClaims, claims_for};
use crate::features::oauth::clients::{self, Client};
use crate::features::oauth::consents;
use crate::features::operations::keys::{IssueError, Keys};
use crate::features::sign_in::sessions::{self, Session};

/// The scope of OpenID Connect. Tokens without it are for APIs only (Core §5.3).
const OPENID: &str = "openid";

/// The UserInfo endpoint. Cloning is cheap.
#[derive(Clone)]
pub struct UserInfo {
    pub(crate) platform: Platform,
    pub(crate) keys: Keys,
    /// Accepts the access tokens for this endpoint.
    pub(crate) guard: Guard,
}

/// The claims, in the form that the client has registered for (Core §5.3.2).
pub enum UserInfoResponse {
    /// An object.
    Json(Map<String, Value>),
    /// A signed JWT.
    Signed(String),
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum UserInfoError {
    /// The token is not accepted.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Too many requests for one grant.
    #[error("too many requests")]
    Limited(Exceeded),
    /// The response could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UserInfoError {
    fn outcome(&self) -> UserInfoOutcome {
        match self {
            Self::Denied(denied) if denied.status().is_server_error() => UserInfoOutcome::Failed,
            Self::Denied(_) => UserInfoOutcome::Invalid,
            Self::Limited(_) => UserInfoOutcome::Limited,
            Self::Issue(_) | Self::Store(_) => UserInfoOutcome::Failed,
        }
    }
}

impl UserInfo {
    /// Returns the claims of the user of an access token.
    ///
    /// # Errors
    /// [`UserInfoError`].
    pub(super) async fn respond(&self, token: &str) -> Result<UserInfoResponse, UserInfoError> {
        let response = self.respond_to(token).await;
        let outcome = response
            .as_ref()
            .map_or_else(UserInfoError::outcome, |_| UserInfoOutcome::Success);
        self.platform.metrics.userinfo(outcome);
        response
    }

    async fn respond_to(&self, token: &str) -> Result<UserInfoResponse, UserInfoError> {
        let user = self.guard.verify(token).await?.require_user()?;
        user.require_scope(OPENID)?;
        let revoked = || UserInfoError::from(self.guard.denied(Reason::Revoked));
        let session = SessionId(user.session.ok_or_else(revoked)?);
        self.spend(session).await?;
        let now = self.platform.clock.now();
        let session = sessions::find_active(&self.platform.db, session, now).await?;
        let is_of_token =
            |session: &Session| session.client_id == user.claims.client_id && session.account_id == AccountId(user.id);
        let session = session.filter(is_of_token).ok_or_else(revoked)?;
        let client = clients::may_use(&self.platform.db, &session.client_id).await?;
        let client = client.ok_or_else(revoked)?;
        let claims = self.claims(&session, &client, &user.scopes).await?;
        self.answer(&client, session.account_id, claims.ok_or_else(revoked)?)
            .await
    }

    async fn spend(&self, session: SessionId) -> Result<(), UserInfoError> {
        let key = Key::of(Policy::UserinfoPerGrant).session(session.0);
        let rate = key.rate(&self.platform.settings.limits);
        let spent = self.platform.limits.spend(key, rate).await;
        spent.map(drop).map_err(UserInfoError::Limited)
    }

    /// Returns the claims, except `sub`. `None` if the account may not sign in.
    async fn claims(
        &self,
        session: &Session,
        client: &Client,
        scopes: &Scopes,
    ) -> Result<Option<Map<String, Value>>, StoreError> {
        let requested = match &session.claims {
            Some(claims) => serde_json::from_str(claims).map_err(|_| StoreError::Inconsistent {
                table: "sessions",
                column: "claims",
            })?,
            None => ClaimsRequest::default(),
        };
        let consented = self.consented(session, client).await?;
        let asked = RequestedClaims {
            scopes: &scopes.intersection(&consented),
            requested: &requested.userinfo,
            allowed: &consented,
        };
        claims_for(&self.platform.db, session.account_id, &asked).await
    }

    /// Returns the OpenID scopes that the client may have, and that the user consents to at this moment.
    async fn consented(&self, session: &Session, client: &Client) -> Result<Scopes, StoreError> {
        let allowed = client.allowed(&OPENID_SCOPES.into_iter().map(str::to_owned).collect());
        if client.trusted {
            return Ok(allowed);
        }
        let audience = userinfo_audience(self.platform.settings.issuer.as_str());
        let consents = consents::find(&self.platform.db, session.account_id, &client.client_id).await?;
        let given = consents.into_iter().find(|consent| consent.audience == audience);
        Ok(given.map_or_else(Scopes::default, |consent| consent.scopes.intersection(&allowed)))
    }

    async fn answer(
        &self,
        client: &Client,
        account: AccountId,
        mut claims: Map<String, Value>,
    ) -> Result<UserInfoResponse, UserInfoError> {
        let Some(alg) = client.metadata.userinfo_signed_response_alg else {
            // Core §5.3.2: `sub` is always there.
            claims.insert("sub".to_owned(), account.to_string().into());
            return Ok(UserInfoResponse::Json(claims));
        };
        let issuer = self.platform.settings.issuer.as_str();
        let claims = UserInfoClaims::new(issuer, account.0, client.client_id.as_str(), claims);
        let now = self.platform.clock.now();
        let signed = self.keys.sign_for_client(alg, &claims, now).await?;
        Ok(UserInfoResponse::Signed(signed))
    }
}
