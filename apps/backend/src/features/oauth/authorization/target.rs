//! What an access token of a grant is for (RFC 8707 §2.2): one API, or the UserInfo endpoint. The rule is the same whether the
//! grant is opened by a code or a device code, or refreshed.

use countersign_guard::Scopes;
use countersign_oauth::ResourceIndicator;
use countersign_store::{Conn, StoreError};

use super::request::OPENID;
use crate::features::oauth::apis::{self, Api};
use crate::features::oauth::clients::Client;

/// What an access token is for.
pub enum Target {
    /// The UserInfo endpoint, by its URL.
    Userinfo(String),
    Api(Box<Api>),
}

impl Target {
    /// Returns the value of `aud`.
    pub fn identifier(&self) -> &str {
        match self {
            Self::Userinfo(url) => url,
            Self::Api(api) => &api.identifier,
        }
    }
}

/// What decides which target an access token has.
pub struct TargetOf<'r> {
    pub client: &'r Client,
    /// The identifier of the userinfo endpoint as an audience.
    pub userinfo: &'r str,
    /// The scopes that were granted.
    pub scopes: &'r Scopes,
    /// The identifiers that the client named in its authorization request, or what stands for them.
    pub granted: Vec<&'r str>,
    /// The value of `resource` in the token request.
    pub resource: Option<&'r str>,
}

/// Why there is no target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// `invalid_target`; the text says why.
    #[error("{0}")]
    Invalid(&'static str),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

use TargetError::Invalid;

impl TargetOf<'_> {
    /// Returns what the next access token is for: what the token request names, if it was granted. If it names nothing, that is
    /// the only resource that was granted, otherwise the client's default API if it was granted, otherwise the UserInfo
    /// endpoint.
    ///
    /// Which of them it is depends only on what was granted and on the client's registration, not on which APIs exist now. If
    /// the API that the token would be for is gone, the error is `invalid_target` (RFC 8707 §2): otherwise a client that names
    /// nothing would get a token for something else, which its API refuses without saying why. Removing any other API changes
    /// nothing.
    ///
    /// # Errors
    /// [`TargetError`].
    pub async fn find(&self, conn: impl Into<Conn<'_>>) -> Result<Target, TargetError> {
        let is_userinfo = |name: &str| name == self.userinfo && self.scopes.contains(OPENID);
        // Most grants are for the userinfo endpoint alone, and their tokens concern no API.
        let mut named = self.granted.iter().copied().chain(self.resource);
        let known = match named.all(is_userinfo) {
            true => Vec::new(),
            false => apis::all(conn).await?,
        };
        match self.resource.or_else(|| self.preset(&known)) {
            Some(name) if is_userinfo(name) => Ok(Target::Userinfo(name.to_owned())),
            Some(name) => self.api(name, known),
            None if self.scopes.contains(OPENID) => Ok(Target::Userinfo(self.userinfo.to_owned())),
            None => Err(Invalid(
                "Access to several APIs was granted. Name one of them in the parameter resource.",
            )),
        }
    }

    /// Returns the granted resource that stands for one that the token request leaves out.
    fn preset(&self, known: &[Api]) -> Option<&str> {
        if let [only] = self.granted[..] {
            return Some(only);
        }
        let default = self.client.metadata.default_api.as_ref()?;
        // Also if it is disabled or deleted, so that the token is not for something else then.
        let is_default = |name: &&str| {
            name.parse::<ResourceIndicator>().is_ok_and(|name| name == *default)
                || known.iter().any(|api| api.identifier == *name && api.is_named(default))
        };
        self.granted.iter().copied().find(is_default)
    }

    /// Returns an API by its identifier or alias, if it was granted and the client may use it as of now.
    fn api(&self, name: &str, known: Vec<Api>) -> Result<Target, TargetError> {
        let name = name.parse::<ResourceIndicator>().ok();
        let is_usable = |api: &Api| {
            let is_named = name.as_ref().is_some_and(|name| api.is_named(name));
            is_named && api.disabled_at.is_none() && self.client.may_use_api(api)
        };
        let Some(api) = known.into_iter().find(is_usable) else {
            return Err(Invalid("There is no such API, or the client may not use it."));
        };
        match self.granted.contains(&api.identifier.as_str()) {
            true => Ok(Target::Api(Box::new(api))),
            false => Err(Invalid("The user has not granted access to this API.")),
        }
    }
}
