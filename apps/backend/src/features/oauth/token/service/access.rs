//! The audience and scopes of the next access token of a grant: one API, with the scopes that were granted, that the
//! user still consents to, that the client may still have, and that the user still owns.

use countersign_guard::Scopes;
use countersign_oauth::{OPENID_SCOPES, ScopeGrant};
use countersign_store::StoreError;

use super::grant::{Grant, RequestedTokens};
use super::{TokenError, Tokens};
use crate::core::ids::AccountId;
use crate::core::oauth_endpoints::userinfo_audience;
use crate::features::identity::accounts;
use crate::features::oauth::apis::Api;
use crate::features::oauth::authorization::Target;
use crate::features::oauth::consents;

/// The audience and scopes of an access token.
pub(super) struct Access {
    /// The API or endpoint that it is for.
    pub(super) target: Target,
    /// Its scopes.
    pub(super) scopes: Scopes,
    /// The OpenID scopes of the grant.
    pub(super) openid: Scopes,
    /// All OpenID scopes that the client may have of this user, granted now or not.
    pub(super) consented: Scopes,
}

impl Tokens {
    /// Computes the audience and scopes of the next access token of a grant.
    ///
    /// # Errors
    /// [`TokenError`]
    pub(super) async fn access(&self, grant: &Grant, asked: &RequestedTokens<'_>) -> Result<Access, TokenError> {
        let (granted, client) = (&grant.scopes, asked.client);
        let is_more = |scope: &Scopes| scope.iter().any(|scope| !granted.contains(scope));
        if asked.scope.as_ref().is_some_and(is_more) {
            return Err(TokenError::InvalidScope(
                "The request includes a scope that was not granted.",
            ));
        }
        let db = &self.platform.db;
        let target = self.target(grant, asked).await?;
        let consents = match client.trusted {
            true => None,
            false => Some(consents::find(db, grant.account, &client.client_id).await?),
        };
        // Without any, the user has withdrawn them, or the client was trusted when the grant was made.
        if consents.as_ref().is_some_and(Vec::is_empty) {
            return Err(TokenError::InvalidGrant);
        }
        let consented_at = |audience: &str, scopes: Scopes| {
            let allowed = client.allowed(&scopes);
            match &consents {
                None => allowed,
                Some(consents) => {
                    let given = consents.iter().find(|consent| consent.audience == audience);
                    given.map_or_else(Scopes::default, |consent| consent.scopes.intersection(&allowed))
                }
            }
        };
        let all = OPENID_SCOPES.iter().map(|&scope| scope.to_owned()).collect();
        let consented = consented_at(&userinfo_audience(self.platform.settings.issuer.as_str()), all);
        let openid = granted.intersection(&consented);
        let mut scopes = openid.clone();
        if let Target::Api(api) = &target {
            let held = self.held(api, grant.account).await?;
            let of_api = consented_at(&api.identifier, held).intersection(granted);
            scopes = scopes.iter().chain(of_api.iter()).map(str::to_owned).collect();
        }
        if let Some(asked) = &asked.scope {
            scopes = scopes.intersection(asked);
        }
        Ok(Access {
            target,
            scopes,
            openid,
            consented,
        })
    }

    /// Returns the scopes of an API that the user has: the open ones, and those that an operator granted.
    async fn held(&self, api: &Api, account: AccountId) -> Result<Scopes, StoreError> {
        let owned = match api.scopes.iter().any(|scope| scope.grant == ScopeGrant::Owned) {
            true => accounts::scopes(&self.platform.db, account).await?,
            false => Scopes::default(),
        };
        let is_held = |scope: &&countersign_oauth::ApiScope| match scope.grant {
            ScopeGrant::Open => true,
            ScopeGrant::Owned => owned.contains(&scope.name),
        };
        Ok(api
            .scopes
            .iter()
            .filter(is_held)
            .map(|scope| scope.name.clone())
            .collect())
    }
}
