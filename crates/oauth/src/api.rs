//! The registration of an API (resource server, RFC 6749 §1.1): its identifier, its scopes, and which clients may
//! request access.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::resource::ResourceIndicator;
use crate::scope::{OPENID_SCOPES, is_scope};
use crate::seconds::Seconds;
use crate::text::is_line;

/// The longest name of an API, in characters.
const LONGEST_NAME: usize = 100;
/// The longest description of a scope, in characters.
const LONGEST_WORDS: usize = 200;
/// The longest name of a scope, in bytes.
const LONGEST_SCOPE: usize = 100;
/// The most scopes of an API.
const MOST_SCOPES: usize = 100;
/// The most further identifiers of an API.
const MOST_ALIASES: usize = 10;
/// The lifetimes of access tokens.
const SHORTEST_TTL: Seconds = Seconds(1);
const LONGEST_TTL: Seconds = Seconds(24 * 60 * 60);
/// A scope that belongs to the UserInfo endpoint, besides those of OpenID Connect.
const GROUPS: &str = "groups";

/// The registration of an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiMetadata {
    /// The resource indicator (RFC 8707 §2). It is `aud` of its tokens, in this spelling.
    pub identifier: String,
    /// The name that users see.
    pub name: String,
    /// What clients may ask for.
    #[serde(default)]
    pub scopes: Vec<ApiScope>,
    /// Which clients may request access.
    #[serde(default)]
    pub clients: ClientAccess,
    /// The longest lifetime of its access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_ttl: Option<Seconds>,
    /// Further identifiers by which clients ask for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The client that is this API. It may introspect tokens for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// A scope of an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiScope {
    /// The name on the wire.
    pub name: String,
    /// Who has it.
    #[serde(default)]
    pub grant: ScopeGrant,
    /// What it allows, in the words that users read, by language tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, String>,
}

/// Who has a scope of an API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScopeGrant {
    /// Every user who consents.
    Open,
    /// Users to whom an operator has granted it, if they consent.
    #[default]
    Owned,
}

/// Which clients may request access to an API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAccess {
    /// All of them.
    Any,
    /// Those that name it in `apis`.
    #[default]
    Listed,
}

/// What is wrong with the registration of an API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {help}")]
pub struct ApiMetadataError {
    /// The member at fault.
    pub member: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

impl ApiMetadata {
    /// Checks the registration. `issuer` is the URL of the authorization server, and `languages` are the tags of its
    /// languages.
    ///
    /// # Errors
    /// The first fault that is found.
    pub fn validate(&self, issuer: &str, languages: &[&str]) -> Result<(), ApiMetadataError> {
        self.validate_identifiers(issuer)?;
        check_text("name", &self.name, LONGEST_NAME)?;
        if self.scopes.len() > MOST_SCOPES {
            let what = format!("has {} scopes", self.scopes.len());
            return Err(fault("scopes", what, format!("an API has at most {MOST_SCOPES}")));
        }
        let mut names = BTreeSet::new();
        for scope in &self.scopes {
            scope.validate(languages)?;
            if !names.insert(&scope.name) {
                let what = format!("lists {:?} twice", scope.name);
                return Err(fault("scopes", what, "list each scope once"));
            }
        }
        if let Some(lifetime) = self.access_ttl
            && !(SHORTEST_TTL..=LONGEST_TTL).contains(&lifetime)
        {
            return Err(fault("access_ttl", "is out of range", "expected 1s to 24h"));
        }
        if self.client_id.as_deref().is_some_and(str::is_empty) {
            return Err(fault("client_id", "is empty", "name a client, or remove it"));
        }
        Ok(())
    }

    /// Returns whether `other` can stand for this API, in any spelling.
    pub fn is_named(&self, other: &ResourceIndicator) -> bool {
        let mut names = std::iter::once(&self.identifier).chain(&self.aliases);
        names.any(|name| name.parse::<ResourceIndicator>().is_ok_and(|name| name == *other))
    }

    /// Returns a scope by its name.
    pub fn scope(&self, name: &str) -> Option<&ApiScope> {
        self.scopes.iter().find(|scope| scope.name == name)
    }

    fn validate_identifiers(&self, issuer: &str) -> Result<(), ApiMetadataError> {
        if self.aliases.len() > MOST_ALIASES {
            let what = format!("has {} identifiers", self.aliases.len());
            return Err(fault("aliases", what, format!("expected at most {MOST_ALIASES}")));
        }
        let issuer: Option<ResourceIndicator> = issuer.parse().ok();
        let mut seen = Vec::new();
        let aliases = self.aliases.iter().map(|alias| ("aliases", alias));
        for (member, text) in std::iter::once(("identifier", &self.identifier)).chain(aliases) {
            let Ok(name) = text.parse::<ResourceIndicator>() else {
                let what = format!("{text:?} is not an absolute URI without a fragment");
                return Err(fault(member, what, "expected one such as https://api.example.com"));
            };
            let is_ours = issuer.as_ref().is_some_and(|issuer| {
                let rest = name.as_str().strip_prefix(issuer.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
            });
            if is_ours {
                let what = format!("{text:?} belongs to this server");
                return Err(fault(member, what, "use the URL of the API itself"));
            }
            if seen.contains(&name) {
                let what = format!("{text:?} is the same as another identifier of this API");
                return Err(fault(member, what, "list each identifier once"));
            }
            seen.push(name);
        }
        Ok(())
    }
}

impl ApiScope {
    /// Returns what the scope allows, in a language or in English; its name where there are no words.
    pub fn in_language(&self, tag: &str) -> &str {
        let words = self.words.get(tag).or_else(|| self.words.get("en"));
        words.map_or(&self.name, String::as_str)
    }

    fn validate(&self, languages: &[&str]) -> Result<(), ApiMetadataError> {
        let name = &self.name;
        if name.len() > LONGEST_SCOPE || !is_scope(name) {
            let help = format!(
                "a scope has 1 to {LONGEST_SCOPE} printable ASCII characters except space, quotation mark and backslash"
            );
            return Err(fault("scopes", format!("{name:?} is not the name of a scope"), help));
        }
        if OPENID_SCOPES.contains(&name.as_str()) || name == GROUPS {
            let what = format!("{name:?} is a scope of OpenID Connect");
            return Err(fault("scopes", what, "choose another name, such as orders:read"));
        }
        for (language, words) in &self.words {
            if !languages.contains(&language.as_str()) {
                let what = format!("the scope {name} has a text in {language:?}, which the pages do not support");
                let help = format!("expected one of {}", languages.join(", "));
                return Err(fault("scopes", what, help));
            }
            check_text("scopes", words, LONGEST_WORDS)?;
        }
        Ok(())
    }
}

fn check_text(member: &'static str, text: &str, longest: usize) -> Result<(), ApiMetadataError> {
    if text.chars().count() > longest || !is_line(text) {
        let what = format!("{text:?} is empty, too long, or contains control characters");
        return Err(fault(
            member,
            what,
            format!("expected a text of 1 to {longest} characters"),
        ));
    }
    Ok(())
}

fn fault(member: &'static str, what: impl Into<String>, help: impl Into<String>) -> ApiMetadataError {
    ApiMetadataError {
        member,
        what: what.into(),
        help: help.into(),
    }
}
