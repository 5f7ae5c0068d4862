//! The rules that a client's metadata must meet.

use super::ClientMetadata;
use super::localized_names::NAME_IN;
use crate::metadata_error::MetadataError;
use crate::redirect_uri::{Kind, RedirectUri};
use crate::scope::{MAX_SCOPES, is_scope};
use crate::standard_claims::is_language;
use crate::text::is_line;
use crate::uri::is_web_url;
use crate::values::GrantType;

/// The maximum number of redirect URIs, and of URIs to return to after a sign-out.
const MAX_REDIRECTS: usize = 20;
/// The maximum number of characters of a client's name.
const MAX_NAME: usize = 100;
/// The maximum number of entries of other lists.
const MAX_ENTRIES: usize = 20;
/// The maximum length of a contact, in bytes.
const MAX_CONTACT: usize = 320;

/// What the installation allows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy<'a> {
    /// Schemes without a dot that redirect URIs may have.
    pub native_schemes: &'a [String],
}

impl ClientMetadata {
    /// Checks the rules that metadata must meet, whether they come from the command line or the settings file.
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
        // With a secret, a client without grants introspects tokens.
        if is_public && self.grant_types.is_empty() {
            return wrong(
                "grant_types",
                "must name at least one grant type: a public client without any can do nothing",
            );
        }
        if (1..self.grant_types.len()).any(|at| self.grant_types[..at].contains(&self.grant_types[at])) {
            return wrong("grant_types", "must list each grant type only once");
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
                "must contain authorization_code or the device grant if it contains refresh_token",
            );
        }
        let expected: &[&str] = if has_code { &["code"] } else { &[] };
        if self.response_types.as_ref().is_some_and(|types| types != expected) {
            return wrong(
                "response_types",
                match has_code {
                    true => "must be [\"code\"]: the other response types are not supported",
                    false => "must be empty, because grant_types does not contain authorization_code",
                },
            );
        }
        if has_code && self.redirect_uris.is_empty() {
            return wrong(
                "redirect_uris",
                "must have at least one URI, because grant_types contains authorization_code",
            );
        }
        if is_public && !self.require_pkce {
            return wrong("require_pkce", "must not be false for a public client");
        }
        // RFC 9700 §2.2.2.
        if is_public && !self.rotate_refresh_tokens {
            return wrong(
                "rotate_refresh_tokens",
                "must not be false for a public client, whose refresh tokens can be used without a secret",
            );
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
                    "must use https, http on a loopback host, or a scheme with a dot, such as com.example.app"
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
        if scopes.clone().next().is_none() {
            return Err(MetadataError::new(
                "scope",
                "must name at least one scope: omit it to allow all scopes that the client may use",
            ));
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
                    "must have at most 20 entries of at most 320 bytes each",
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
