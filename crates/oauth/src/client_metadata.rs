//! The metadata of a client: the members of RFC 7591 §2 and OpenID Connect Registration §2 under their names, and a few of
//! our own.

use std::collections::BTreeMap;
use std::fmt;

use countersign_jose::SigningAlg;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::metadata_error::MetadataError;
use crate::redirect_uri::{Kind, RedirectUri};
use crate::resource::ResourceIndicator;
use crate::scope::{MAX_SCOPES, is_scope};
use crate::seconds::Seconds;
use crate::standard_claims::is_language;
use crate::text::is_line;
use crate::uri::is_web_url;
use crate::values::{AuthMethod, GrantType, IdTokenClaimsMode};

/// The maximum number of redirect URIs, and of URIs to return to after a sign-out.
const MAX_REDIRECTS: usize = 20;
/// The maximum number of characters of a client's name.
const MAX_NAME: usize = 100;
/// The maximum number of entries of other lists.
const MAX_ENTRIES: usize = 20;
/// The maximum length of a contact, in bytes.
const MAX_CONTACT: usize = 320;
/// The name of a member before its language: `client_name#de`.
const NAME_IN: &str = "client_name#";

/// Members that are accepted and have no effect.
const WITHOUT_EFFECT: [&str; 4] = ["application_type", "logo_uri", "software_id", "software_version"];
/// Members of extensions that are not supported, and the only value that promises nothing.
const OFF: [(&str, Value); 6] = [
    ("dpop_bound_access_tokens", Value::Bool(false)),
    ("frontchannel_logout_session_required", Value::Bool(false)),
    ("require_pushed_authorization_requests", Value::Bool(false)),
    ("require_signed_request_object", Value::Bool(false)),
    ("tls_client_certificate_bound_access_tokens", Value::Bool(false)),
    ("backchannel_user_code_parameter", Value::Bool(false)),
];

/// Metadata of a client. Reading it from storage ignores members that are unknown, so that an older server reads what a newer
/// one has stored; [`from_object`](Self::from_object) refuses them.
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
    /// Whether ID tokens must have `auth_time`. They always have.
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
    /// Whether logout tokens must have `sid`. They always have.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub backchannel_logout_session_required: bool,

    /// The APIs that the client may use beside those that every client may use, by identifier.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apis: Vec<ResourceIndicator>,
    /// The API of requests that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_api: Option<ResourceIndicator>,
    /// Whether a confidential client must use PKCE. Public clients always must.
    pub require_pkce: bool,
    /// Whether a refresh token is replaced when it is used.
    pub rotate_refresh_tokens: bool,
    /// Which claims of the user an ID token has.
    pub id_token_claims: IdTokenClaimsMode,
    /// How long a refresh token is valid while it is not used. Only shorter than the setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_idle_ttl: Option<Seconds>,
    /// How long a grant is valid in all. Only shorter than the setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_absolute_ttl: Option<Seconds>,
    /// Whether redirect URIs may be `http` on hosts other than this computer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure_redirects: bool,
}

/// What the installation allows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy<'a> {
    /// Schemes without a dot that redirect URIs may have.
    pub native_schemes: &'a [String],
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

    /// Reads metadata as operators write it. Members that are unknown, or that would only seem to work, are refused.
    /// [`validate`](Self::validate) checks the values that depend on each other and on the installation.
    ///
    /// # Errors
    /// The first member that is not acceptable.
    pub fn from_object(mut object: Map<String, Value>) -> Result<Self, MetadataError> {
        let names: Vec<String> = object.keys().cloned().collect();
        for name in names {
            if Self::MEMBERS.contains(&name.as_str()) || name.starts_with(NAME_IN) {
                continue;
            }
            let value = object.remove(&name).unwrap_or_default();
            let is_off = OFF.iter().any(|(own, off)| *own == name && *off == value);
            let is_public = name == "subject_type" && value == "public";
            if WITHOUT_EFFECT.contains(&name.as_str()) || is_off || is_public {
                continue;
            }
            return Err(MetadataError::new(name.clone(), unsupported(&name)));
        }
        serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
            let member = error.path().to_string();
            let problem = error.into_inner().to_string();
            let is_sentence = problem.starts_with("must ");
            MetadataError::new(
                member,
                if is_sentence {
                    problem
                } else {
                    format!("is invalid: {problem}")
                },
            )
        })
    }

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

    /// Checks the rules that metadata must meet, whoever made it.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn validate(&self, policy: &Policy<'_>) -> Result<(), MetadataError> {
        self.validate_names()?;
        self.validate_grants()?;
        self.validate_redirects("redirect_uris", &self.redirect_uris, policy)?;
        self.validate_redirects("post_logout_redirect_uris", &self.post_logout_redirect_uris, policy)?;
        self.validate_scope()?;
        self.validate_urls()?;
        self.validate_lists()?;
        self.validate_lifetimes()
    }

    fn validate_names(&self) -> Result<(), MetadataError> {
        let names = self.client_name.iter().map(|name| ("client_name".to_owned(), name));
        let localized = self.localized_names.0.iter();
        let localized = localized.map(|(language, name)| (format!("{NAME_IN}{language}"), name));
        for (member, name) in names.chain(localized) {
            if name.chars().count() > MAX_NAME || !is_line(name) {
                let problem = "must have 1 to 100 characters, without control characters";
                return Err(MetadataError::new(member, problem));
            }
        }
        if self.localized_names.0.len() > MAX_ENTRIES {
            return Err(MetadataError::new(
                "client_name",
                "must be given in at most 20 languages",
            ));
        }
        match self.localized_names.0.keys().find(|language| !is_language(language)) {
            Some(language) => Err(MetadataError::new(
                format!("{NAME_IN}{language}"),
                "must end with a language tag, such as client_name#de",
            )),
            None => Ok(()),
        }
    }

    fn validate_grants(&self) -> Result<(), MetadataError> {
        use GrantType::{AuthorizationCode, ClientCredentials, DeviceCode, RefreshToken};
        let (has_code, is_public) = (self.may_use(AuthorizationCode), self.is_public());
        let wrong = |member: &'static str, problem: &'static str| Err(MetadataError::new(member, problem));
        if (1..self.grant_types.len()).any(|at| self.grant_types[..at].contains(&self.grant_types[at])) {
            return wrong("grant_types", "must name each grant once");
        }
        if is_public && self.may_use(ClientCredentials) {
            return wrong(
                "grant_types",
                "must not contain client_credentials for a public client, which has no secret",
            );
        }
        if self.may_use(RefreshToken) && !has_code && !self.may_use(DeviceCode) {
            return wrong(
                "grant_types",
                "must contain authorization_code or the device grant where it contains refresh_token",
            );
        }
        let expected: &[&str] = if has_code { &["code"] } else { &[] };
        if self.response_types.as_ref().is_some_and(|types| types != expected) {
            return wrong(
                "response_types",
                match has_code {
                    true => "must be [\"code\"]: the other response types are not supported",
                    false => "must be empty, because grant_types has no authorization_code",
                },
            );
        }
        if has_code && self.redirect_uris.is_empty() {
            return wrong(
                "redirect_uris",
                "must have at least one URI, because grant_types has authorization_code",
            );
        }
        if is_public && !self.require_pkce {
            return wrong("require_pkce", "must not be false for a public client");
        }
        Ok(())
    }

    fn validate_redirects(
        &self,
        member: &'static str,
        uris: &[RedirectUri],
        policy: &Policy<'_>,
    ) -> Result<(), MetadataError> {
        if uris.len() > MAX_REDIRECTS {
            return Err(MetadataError::new(member, "must have at most 20 URIs"));
        }
        for uri in uris {
            let scheme = uri.scheme();
            let problem = match uri.kind() {
                Kind::Https | Kind::Loopback => continue,
                Kind::Http if self.insecure_redirects => continue,
                Kind::Http => {
                    "must use https except on 127.0.0.1, [::1] and localhost (insecure_redirects allows http)"
                }
                Kind::CustomScheme if scheme.contains('.') => continue,
                Kind::CustomScheme if policy.native_schemes.iter().any(|own| own == scheme) => continue,
                Kind::CustomScheme => {
                    "must use https, http on this computer, or a scheme with a dot, such as com.example.app"
                }
            };
            return Err(MetadataError::new(member, format!("{problem}; got {uri}")));
        }
        Ok(())
    }

    fn validate_scope(&self) -> Result<(), MetadataError> {
        let Some(scope) = &self.scope else { return Ok(()) };
        let mut scopes = scope.split(' ').filter(|scope| !scope.is_empty());
        if scopes.clone().count() > MAX_SCOPES {
            return Err(MetadataError::new("scope", "must have at most 50 names"));
        }
        match scopes.all(is_scope) {
            true => Ok(()),
            false => Err(MetadataError::new(
                "scope",
                "must consist of names of printable ASCII characters, separated by spaces",
            )),
        }
    }

    fn validate_urls(&self) -> Result<(), MetadataError> {
        for (member, url, allow_http) in [
            ("client_uri", &self.client_uri, false),
            ("policy_uri", &self.policy_uri, false),
            ("tos_uri", &self.tos_uri, false),
            ("initiate_login_uri", &self.initiate_login_uri, self.insecure_redirects),
            // The server calls it, often in the operator's own network.
            ("backchannel_logout_uri", &self.backchannel_logout_uri, true),
        ] {
            if url.as_ref().is_some_and(|url| !is_web_url(url, allow_http)) {
                let schemes = if allow_http { "an http or https" } else { "an https" };
                let problem =
                    format!("must be {schemes} URL without a fragment or user name, of at most 2000 characters");
                return Err(MetadataError::new(member, problem));
            }
        }
        Ok(())
    }

    fn validate_lists(&self) -> Result<(), MetadataError> {
        let are_short = |texts: &[String]| texts.iter().all(|text| text.len() <= MAX_CONTACT && is_line(text));
        for (member, texts) in [
            ("contacts", &self.contacts),
            ("default_acr_values", &self.default_acr_values),
        ] {
            if texts.len() > MAX_ENTRIES || !are_short(texts) {
                return Err(MetadataError::new(
                    member,
                    "must have at most 20 texts of at most 320 bytes",
                ));
            }
        }
        if self.apis.len() > MAX_ENTRIES {
            return Err(MetadataError::new("apis", "must have at most 20 identifiers"));
        }
        Ok(())
    }

    fn validate_lifetimes(&self) -> Result<(), MetadataError> {
        let (idle, absolute) = (self.refresh_idle_ttl, self.refresh_absolute_ttl);
        for (member, ttl) in [("refresh_idle_ttl", idle), ("refresh_absolute_ttl", absolute)] {
            if ttl.is_some_and(|ttl| ttl.0 == 0) {
                return Err(MetadataError::new(member, "must be at least one second"));
            }
        }
        match idle.zip(absolute).is_some_and(|(idle, absolute)| idle > absolute) {
            true => Err(MetadataError::new(
                "refresh_idle_ttl",
                "must not be longer than refresh_absolute_ttl",
            )),
            false => Ok(()),
        }
    }
}

/// What to say about a member that is not accepted.
fn unsupported(name: &str) -> &'static str {
    match name {
        "jwks" | "jwks_uri" | "token_endpoint_auth_signing_alg" => {
            "is not supported: clients authenticate with client_secret_basic, client_secret_post or none"
        }
        "subject_type" | "sector_identifier_uri" => {
            "is not supported: a user has the same sub for all clients (public)"
        }
        "request_uris" | "request_object_signing_alg" | "require_signed_request_object" => {
            "is not supported: requests are sent as parameters, not as request objects"
        }
        "dpop_bound_access_tokens" | "tls_client_certificate_bound_access_tokens" => {
            "is not supported: access tokens are bearer tokens"
        }
        "require_pushed_authorization_requests" => "is not supported: there is no endpoint for pushed requests",
        "frontchannel_logout_uri" | "frontchannel_logout_session_required" => {
            "is not supported: use backchannel_logout_uri"
        }
        "software_statement" => "is not supported",
        name if name.contains("_encrypted_response_") || name.contains("_encryption_") => {
            "is not supported: tokens are signed, not encrypted"
        }
        name if name.starts_with("tls_client_auth_") => {
            "is not supported: clients do not authenticate with certificates"
        }
        _ => "is not a member of client metadata",
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

/// The names of a client by language. On the wire they are members of the metadata itself: `client_name#de`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalizedNames(pub BTreeMap<String, String>);

impl LocalizedNames {
    /// Returns the name in exactly this language. Tags are compared without case (BCP 47 §2.1.1).
    pub fn get(&self, language: &str) -> Option<&str> {
        let mut names = self.0.iter();
        let found = names.find(|(own, _)| own.eq_ignore_ascii_case(language));
        found.map(|(_, name)| name.as_str())
    }
}

impl Serialize for LocalizedNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0
                .iter()
                .map(|(language, name)| (format!("{NAME_IN}{language}"), name)),
        )
    }
}

impl<'de> Deserialize<'de> for LocalizedNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = LocalizedNames;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<LocalizedNames, A::Error> {
        let mut names = BTreeMap::new();
        while let Some(member) = members.next_key::<String>()? {
            match member.strip_prefix(NAME_IN) {
                Some(language) => {
                    names.insert(language.to_owned(), members.next_value()?);
                }
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(LocalizedNames(names))
    }
}

#[cfg(test)]
mod tests;
