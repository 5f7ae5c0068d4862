//! What a device requests, and what its user consents to. The rules are those of the authorization endpoint.

use countersign_guard::Scopes;
use countersign_oauth::{ErrorCode, OPENID_SCOPES, OauthError, Parameters};
use countersign_store::{StoreError, Tx};

use super::stored::audiences;
use super::{BeginError, DeviceAuthorization};
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::core::oauth_endpoints::userinfo_audience;
use crate::features::oauth::apis::{self, Api};
use crate::features::oauth::authorization::{AccessRequest, Audience, GrantableAccess, scopes_for, union};
use crate::features::oauth::clients::Client;
use crate::features::oauth::consents;
use crate::features::oauth::device_authorization::store::Request;

impl DeviceAuthorization {
    /// Returns what a device requests with `scope` and `resource`.
    pub(super) async fn wanted(&self, client: &Client, sent: &Parameters) -> Result<Vec<Audience>, BeginError> {
        let refused = |code, text| BeginError::Refused(OauthError::new(code, text));
        let scope = sent.one("scope");
        let scope = scope.map_err(|_| refused(ErrorCode::InvalidRequest, "scope must not be sent more than once"))?;
        let scopes: Scopes = scope.unwrap_or_default().parse().map_err(|_| {
            refused(
                ErrorCode::InvalidScope,
                "scope contains characters that are not allowed",
            )
        })?;
        let apis = apis::all(&self.platform.db).await?;
        let is_known =
            |scope: &str| OPENID_SCOPES.contains(&scope) || apis.iter().any(|api| api.scope(scope).is_some());
        let allowed = scopes_for(client, &scopes);
        // Checked before the APIs, so that the error is not about a missing `resource`.
        if scope.is_some() && !allowed.iter().any(is_known) {
            let text = "the client may not use any of these scopes";
            return Err(refused(ErrorCode::InvalidScope, text));
        }
        let request = AccessRequest {
            client,
            apis: &apis,
            userinfo: &self.userinfo(),
            has_scope: scope.is_some(),
            scopes: &allowed,
            resources: sent.all("resource").collect(),
        };
        Ok(request.audiences()?)
    }

    /// Reduces what a device requested to what an account that has the scopes `held` can give.
    pub(super) fn asked(
        &self,
        request: &Request,
        client: &Client,
        known: &[Api],
        held: &Scopes,
    ) -> Result<GrantableAccess, StoreError> {
        let audiences = audiences(&request.audiences)?;
        Ok(GrantableAccess::of(&audiences, client, &self.userinfo(), known, held))
    }

    /// Stores the consent of a user who allows a request.
    pub(super) async fn consent(
        &self,
        tx: &mut Tx<'_>,
        asked: &GrantableAccess,
        client: &Client,
        account: AccountId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for audience in &asked.audiences {
            let scopes = audience.consented();
            consents::give(tx, account, &client.client_id, &audience.identifier, &scopes, now).await?;
        }
        Ok(())
    }

    fn userinfo(&self) -> String {
        userinfo_audience(self.platform.settings.issuer.as_str())
    }
}

/// Returns all scopes that a device asks for.
pub(super) fn wanted_scopes(request: &Request) -> Result<Scopes, StoreError> {
    let audiences = audiences(&request.audiences)?;
    Ok(union(audiences.iter().map(|audience| &audience.scopes.0)))
}
