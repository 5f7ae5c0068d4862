//! What a device asks for, and what its user consents to.

use countersign_guard::Scopes;
use countersign_oauth::{ErrorCode, OPENID_SCOPES, OauthError, Parameters};
use countersign_store::{Conn, StoreError, Tx};

use super::{BeginError, DeviceAuthorization};
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::features::oauth::apis::{self, Api};
use crate::features::oauth::clients::Client;
use crate::features::oauth::consents;
use crate::features::oauth::device_authorization::store::Asked;

/// What a device asks for, reduced to what its client may have.
pub(super) struct Wanted {
    pub scopes: Scopes,
    /// The identifiers of the APIs.
    pub resources: Vec<String>,
}

impl DeviceAuthorization {
    /// Reads `scope` and `resource`.
    pub(super) async fn wanted(&self, client: &Client, asked: &Parameters) -> Result<Wanted, BeginError> {
        let refused = |code, text| BeginError::Refused(OauthError::new(code, text));
        let scope = asked.one("scope");
        let scope = scope.map_err(|_| refused(ErrorCode::InvalidRequest, "scope must be sent once"))?;
        let scopes: Scopes = scope
            .unwrap_or_default()
            .parse()
            .map_err(|_| refused(ErrorCode::InvalidScope, "scope has characters that are not allowed"))?;
        let mut apis = Vec::new();
        for resource in asked.all("resource") {
            let api = apis::resolve(&self.platform.db, resource).await?;
            let api = api.filter(|api| client.may_use_api(api));
            apis.push(api.ok_or_else(|| refused(ErrorCode::InvalidTarget, "the client may not use this resource"))?);
        }
        let is_known = |scope: &&str| OPENID_SCOPES.contains(scope) || apis.iter().any(|api| has(api, scope));
        let known: Scopes = scopes.iter().filter(is_known).map(str::to_owned).collect();
        let scopes = match client.allowed(&known) {
            allowed if allowed.is_empty() => {
                let text = "the client may not use any of these scopes";
                return Err(refused(ErrorCode::InvalidScope, text));
            }
            allowed => allowed,
        };
        Ok(Wanted {
            scopes,
            resources: apis.into_iter().map(|api| api.metadata.identifier).collect(),
        })
    }

    /// Returns what was asked, by audience.
    pub(super) async fn by_audience<'c>(
        &self,
        conn: impl Into<Conn<'c>>,
        asked: &Asked,
    ) -> Result<Vec<(String, Scopes)>, StoreError> {
        let scopes: Scopes = asked.scope.split(' ').map(str::to_owned).collect();
        let of_openid: Scopes = scopes
            .iter()
            .filter(|scope| OPENID_SCOPES.contains(scope))
            .map(str::to_owned)
            .collect();
        let userinfo = format!("{}/oauth2/userinfo", self.platform.settings.issuer.as_str());
        let mut found = vec![(userinfo, of_openid)];
        for api in apis::all(conn).await? {
            if asked.resources.split(' ').any(|resource| resource == api.identifier) {
                let own = scopes
                    .iter()
                    .filter(|scope| has(&api, scope))
                    .map(str::to_owned)
                    .collect();
                found.push((api.metadata.identifier, own));
            }
        }
        found.retain(|(_, scopes)| !scopes.is_empty());
        Ok(found)
    }

    /// Stores the consent of a user who allows a request.
    pub(super) async fn consent(
        &self,
        tx: &mut Tx<'_>,
        asked: &Asked,
        account: AccountId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for (audience, scopes) in self.by_audience(&mut *tx, asked).await? {
            consents::give(tx, account, &asked.client_id, &audience, &scopes, now).await?;
        }
        Ok(())
    }
}

fn has(api: &Api, scope: &str) -> bool {
    api.scopes.iter().any(|known| known.name == scope)
}
