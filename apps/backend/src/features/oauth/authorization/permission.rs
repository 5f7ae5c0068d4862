//! What a client may do for a user, one by one, for the pages.

use countersign_oauth::ApiScope;

use super::request::{Audience, OPENID};
use crate::core::language::Language;
use crate::features::oauth::apis::Api;

/// A permission that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission<'s> {
    /// A scope of OpenID Connect, by its name.
    Standard(&'s str),
    /// A scope of an API: the name of the API, and what it allows in the user's language.
    OfApi(&'s str, &'s str),
}

/// Returns the scopes of some audiences as permissions.
pub fn permissions<'s>(audiences: &'s [Audience], apis: &'s [Api], language: Language) -> Vec<Permission<'s>> {
    let mut permissions = Vec::new();
    for audience in audiences {
        let api = apis.iter().find(|api| api.identifier == audience.identifier);
        let scopes = audience.scopes.0.iter().chain(audience.by_name.0.iter());
        for scope in scopes.filter(|scope| *scope != OPENID) {
            let own = api.and_then(|api| Some((api, api.scope(scope)?)));
            permissions.push(match own {
                Some((api, own)) => Permission::OfApi(&api.name, words(own, language)),
                None => Permission::Standard(scope),
            });
        }
    }
    permissions
}

/// Returns what a scope allows, in this language, else in English; without words, it is the scope's name.
fn words(scope: &ApiScope, language: Language) -> &str {
    let said = scope.words.get(language.tag()).or_else(|| scope.words.get("en"));
    said.map_or(scope.name.as_str(), String::as_str)
}
