//! What an access token is for (RFC 8707 §2.2): one API, or the UserInfo endpoint.

use countersign_oauth::ResourceIndicator;

use super::grant::{Grant, RequestedTokens};
use super::{TokenError, Tokens};
use crate::core::oauth_endpoints::userinfo_audience;
use crate::features::oauth::apis::{self, Api};
use crate::features::oauth::authorization::{Target, TargetOf};
use crate::features::oauth::clients::Client;

impl Tokens {
    /// Returns what the next access token of a grant is for.
    pub(super) async fn target(&self, grant: &Grant, asked: &RequestedTokens<'_>) -> Result<Target, TokenError> {
        let target = TargetOf {
            client: asked.client,
            userinfo: &userinfo_audience(self.platform.settings.issuer.as_str()),
            scopes: &grant.scopes,
            granted: grant.resources.iter().map(String::as_str).collect(),
            resource: asked.resource,
        };
        Ok(target.find(&self.platform.db).await?)
    }

    /// Returns the API for a token of the client itself: the requested one, or the client's default, or the only one that it may
    /// use.
    pub(super) async fn api_for_client(&self, client: &Client, resource: Option<&str>) -> Result<Api, TokenError> {
        let default = client.metadata.default_api.as_ref().map(ResourceIndicator::as_str);
        if let Some(named) = resource.or(default) {
            return self.usable(client, named).await;
        }
        let all = apis::all(&self.platform.db).await?;
        let mut usable = all
            .into_iter()
            .filter(|api| api.disabled_at.is_none() && client.may_use_api(api));
        match (usable.next(), usable.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(TokenError::InvalidTarget(
                "Name an API by its identifier in the parameter resource, or set default_api for the client.",
            )),
        }
    }

    /// Returns the API that a client means, if it may use it.
    async fn usable(&self, client: &Client, resource: &str) -> Result<Api, TokenError> {
        let api = apis::resolve(&self.platform.db, resource).await?;
        api.filter(|api| client.may_use_api(api))
            .ok_or(TokenError::InvalidTarget(
                "There is no such API, or the client may not use it.",
            ))
    }
}
