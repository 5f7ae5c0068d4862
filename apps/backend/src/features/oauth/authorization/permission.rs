//! What a client may do for a user, one by one, for the pages.

use countersign_oauth::{ApiScope, OPENID_SCOPES};

use super::request::{Audience, OPENID};
use crate::core::language::Language;
use crate::features::oauth::apis::Api;

/// A permission that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission<'s> {
    /// A scope of OpenID Connect, or one that its API no longer has, by its name.
    Standard(&'s str),
    /// A scope of an API: the API's name, and what it allows in the user's language.
    OfApi(&'s str, &'s str),
}

/// Returns the scopes of some audiences as permissions: those of OpenID Connect as its specification lists them, then those of
/// each API as its registration does, then those that it no longer has.
pub fn permissions<'s>(audiences: &'s [Audience], apis: &'s [Api], language: Language) -> Vec<Permission<'s>> {
    let mut permissions = Vec::new();
    for audience in audiences {
        let asked = move || audience.scopes.0.iter().chain(audience.by_name.0.iter());
        let is_asked = |scope: &str| asked().any(|asked| asked == scope);
        let standard = OPENID_SCOPES.into_iter().filter(|scope| *scope != OPENID);
        permissions.extend(standard.filter(|scope| is_asked(scope)).map(Permission::Standard));
        let api = apis.iter().find(|api| api.identifier == audience.identifier);
        let own = api
            .into_iter()
            .flat_map(|api| api.scopes.iter().map(move |own| (api, own)));
        let own = own.filter(|(_, own)| is_asked(&own.name));
        permissions.extend(own.map(|(api, own)| Permission::OfApi(&api.name, words(own, language))));
        let is_gone = |scope: &&str| !OPENID_SCOPES.contains(scope) && api.is_none_or(|api| api.scope(scope).is_none());
        permissions.extend(asked().filter(is_gone).map(Permission::Standard));
    }
    permissions
}

/// Returns what a scope allows, in this language, else in English; without words, it is the scope's name.
fn words(scope: &ApiScope, language: Language) -> &str {
    let said = scope.words.get(language.tag()).or_else(|| scope.words.get("en"));
    said.map_or(scope.name.as_str(), String::as_str)
}
