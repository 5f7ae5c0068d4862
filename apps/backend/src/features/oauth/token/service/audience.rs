//! What an access token is for (RFC 8707 §2.2): one API, or the UserInfo endpoint.

use countersign_oauth::ResourceIndicator;

use super::grant::{Grant, RequestedTokens};
use super::{TokenError, Tokens};
use crate::core::oauth_endpoints::userinfo_audience;
use crate::features::oauth::apis::{self, Api};
use crate::features::oauth::clients::Client;

/// What an access token is for.
pub(super) enum Target {
    /// The UserInfo endpoint, by its URL.
    Userinfo(String),
    Api(Box<Api>),
}

impl Target {
    /// Returns the value of `aud`.
    pub(super) fn identifier(&self) -> &str {
        match self {
            Self::Userinfo(url) => url,
            Self::Api(api) => &api.identifier,
        }
    }
}

impl Tokens {
    /// Returns what the next access token of a grant is for: what the request names, if it was granted; otherwise the only API of
    /// the grant, the default API of the client, or the UserInfo endpoint.
    pub(super) async fn target(&self, grant: &Grant, asked: &RequestedTokens<'_>) -> Result<Target, TokenError> {
        let client = asked.client;
        let userinfo = userinfo_audience(self.platform.settings.issuer.as_str());
        let has_openid = grant.scopes.contains("openid");
        let granted: Vec<&str> = grant.resources.iter().map(String::as_str).collect();
        if let Some(named) = asked.resource {
            if named == userinfo && has_openid {
                return Ok(Target::Userinfo(userinfo));
            }
            let api = self.usable(client, named).await?;
            return match granted.contains(&api.identifier.as_str()) {
                true => Ok(Target::Api(Box::new(api))),
                false => Err(TokenError::InvalidTarget(
                    "The user has not granted access to this API.",
                )),
            };
        }
        if let [only] = granted[..]
            && only != userinfo
        {
            return Ok(Target::Api(Box::new(self.usable(client, only).await?)));
        }
        if let Some(default) = &client.metadata.default_api {
            match self.usable(client, default.as_str()).await {
                Ok(api) if granted.contains(&api.identifier.as_str()) => return Ok(Target::Api(Box::new(api))),
                // It is gone, or was not granted.
                Ok(_) | Err(TokenError::InvalidTarget(_)) => {}
                Err(error) => return Err(error),
            }
        }
        match has_openid {
            true => Ok(Target::Userinfo(userinfo)),
            false => Err(TokenError::InvalidTarget(
                "Access to several APIs was granted. Name one of them in the parameter resource.",
            )),
        }
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
