//! The metadata of a client: the members of RFC 7591 §2 and OpenID Connect Registration §2 under their names, and a few of
//! our own.

mod localized_names;
mod members;
mod rules;
#[cfg(test)]
mod tests;

use countersign_jose::SigningAlg;
use serde::{Deserialize, Serialize};

pub use localized_names::LocalizedNames;
pub use rules::Policy;

use crate::redirect_uri::RedirectUri;
use crate::resource::ResourceIndicator;
use crate::seconds::Seconds;
use crate::values::{AuthMethod, GrantType, IdTokenClaimsMode};

/// Metadata of a client. Unknown members are ignored when it is read from storage, so that an older server can read what a
/// newer one has stored; [`from_object`](Self::from_object) refuses them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientMetadata {
    /// The name that users see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The name in other languages: `client_name#de` (RFC 7591 §2.2).
    #[serde(flatten)]
    pub localized_names: LocalizedNames,
    /// Where the responses of the authorization endpoint may go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<RedirectUri>,
    /// Where the browser may go after a sign-out (RP-Initiated Logout §3.1).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// The grants that the client may use. The default is the authorization code alone (RFC 7591 §2).
    pub grant_types: Vec<GrantType>,
    /// `["code"]` with the grant `authorization_code`. Absent means the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_types: Option<Vec<String>>,
    /// How the client authenticates. The default is `client_secret_basic` (RFC 7591 §2).
    pub token_endpoint_auth_method: AuthMethod,
    /// The scopes that the client may have, separated by spaces. Absent means all OpenID scopes, and all scopes of the APIs
    /// that the client may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Email addresses or URLs of the people responsible for the client.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// The home page of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its privacy policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Its terms of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// The algorithm of ID tokens and logout tokens.
    pub id_token_signed_response_alg: SigningAlg,
    /// The algorithm of responses of the UserInfo endpoint, which are plain JSON otherwise (OpenID Connect Core §5.3.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<SigningAlg>,
    /// The `max_age` of requests without one, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u32>,
    /// Whether ID tokens must have `auth_time`. They always do.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_auth_time: bool,
    /// The `acr_values` of requests without any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    /// Where a sign-in at the client begins (OpenID Connect Core §4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// Where logout tokens are sent (Back-Channel Logout §2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether logout tokens must have `sid`. They always do.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub backchannel_logout_session_required: bool,

    /// The APIs that the client may use, besides those that every client may use, by identifier.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apis: Vec<ResourceIndicator>,
    /// The API of requests that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_api: Option<ResourceIndicator>,
    /// Whether a confidential client must use PKCE. Public clients always must.
    pub require_pkce: bool,
    /// Whether a refresh token of a confidential client is replaced when it is used. Those of public clients always are.
    pub rotate_refresh_tokens: bool,
    /// Which claims of the user an ID token has.
    pub id_token_claims: IdTokenClaimsMode,
    /// How long a refresh token is valid while it is not used. It can only be shorter than the setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_idle_ttl: Option<Seconds>,
    /// How long a grant is valid in total. It can only be shorter than the setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_absolute_ttl: Option<Seconds>,
    /// Whether redirect URIs may be `http` on hosts other than this computer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure_redirects: bool,
}

impl ClientMetadata {
    /// The names of all members, except `client_name` with a language.
    pub const MEMBERS: &[&str] = &[
        "client_name",
        "redirect_uris",
        "post_logout_redirect_uris",
        "grant_types",
        "response_types",
        "token_endpoint_auth_method",
        "scope",
        "contacts",
        "client_uri",
        "policy_uri",
        "tos_uri",
        "id_token_signed_response_alg",
        "userinfo_signed_response_alg",
        "default_max_age",
        "require_auth_time",
        "default_acr_values",
        "initiate_login_uri",
        "backchannel_logout_uri",
        "backchannel_logout_session_required",
        "apis",
        "default_api",
        "require_pkce",
        "rotate_refresh_tokens",
        "id_token_claims",
        "refresh_idle_ttl",
        "refresh_absolute_ttl",
        "insecure_redirects",
    ];

    /// Returns whether the client is public: it has no secret (RFC 6749 §2.1).
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == AuthMethod::None
    }

    /// Returns whether the client may use the grant.
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// Returns whether requests of the client must have a code challenge.
    pub fn needs_pkce(&self) -> bool {
        self.is_public() || self.require_pkce
    }

    /// Returns whether a refresh token of the client is replaced when it is used (RFC 9700 §2.2.2).
    pub fn rotates(&self) -> bool {
        self.is_public() || self.rotate_refresh_tokens
    }

    /// Returns the name in a language (a BCP 47 tag), or the nearest that there is: `zh-Hans` also finds `zh`.
    pub fn name_in(&self, language: &str) -> Option<&str> {
        let mut tag = language;
        loop {
            if let Some(name) = self.localized_names.get(tag) {
                return Some(name);
            }
            match tag.rsplit_once('-') {
                Some((shorter, _)) => tag = shorter,
                None => return self.client_name.as_deref(),
            }
        }
    }

    /// Returns the registered redirect URI that a client presents.
    pub fn redirect_uri(&self, presented: &str) -> Option<&RedirectUri> {
        let public = self.is_public();
        self.redirect_uris.iter().find(|uri| uri.matches(presented, public))
    }

    /// Returns whether the browser may go to this URI after a sign-out.
    pub fn may_return_to(&self, presented: &str) -> bool {
        let public = self.is_public();
        let mut uris = self.post_logout_redirect_uris.iter();
        uris.any(|uri| uri.matches(presented, public))
    }
}

impl Default for ClientMetadata {
    fn default() -> Self {
        Self {
            client_name: None,
            localized_names: LocalizedNames::default(),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            grant_types: vec![GrantType::AuthorizationCode],
            response_types: None,
            token_endpoint_auth_method: AuthMethod::default(),
            scope: None,
            contacts: Vec::new(),
            client_uri: None,
            policy_uri: None,
            tos_uri: None,
            id_token_signed_response_alg: SigningAlg::default(),
            userinfo_signed_response_alg: None,
            default_max_age: None,
            require_auth_time: false,
            default_acr_values: Vec::new(),
            initiate_login_uri: None,
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
            apis: Vec::new(),
            default_api: None,
            require_pkce: true,
            rotate_refresh_tokens: true,
            id_token_claims: IdTokenClaimsMode::default(),
            refresh_idle_ttl: None,
            refresh_absolute_ttl: None,
            insecure_redirects: false,
        }
    }
}
