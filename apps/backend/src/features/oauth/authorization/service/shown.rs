//! What the pages of a request show of it.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_oauth::{ApiScope, Kind, RedirectUri};

use super::loaded::{Asked, Loaded};
use crate::core::ids::AccountId;
use crate::core::language::Language;
use crate::features::oauth::apis::Api;
use crate::features::oauth::authorization::request::{Audience, OPENID};
use crate::features::oauth::clients::Client;

/// What a page shows of a request.
pub struct ConsentShown {
    pub client: Client,
    pub goes_to: AnswerGoesTo,
    /// Who is signed in.
    account: AccountId,
    asked: Asked,
}

/// Where the browser goes when the user agrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerGoesTo {
    /// A web application on this host.
    Host(String),
    /// A program on the user's own computer.
    ThisComputer,
    /// An application with this custom scheme.
    App(String),
}

/// A permission that a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission<'s> {
    /// A scope of OpenID Connect, by its name.
    Standard(&'s str),
    /// A scope of an API: the name of the API, and what it allows in the user's language.
    OfApi(&'s str, &'s str),
}

impl ConsentShown {
    pub(super) fn new(loaded: &Loaded, asked: Asked, account: AccountId) -> Self {
        Self {
            account,
            goes_to: loaded.registered().map_or(AnswerGoesTo::ThisComputer, AnswerGoesTo::of),
            client: loaded.client.clone(),
            asked,
        }
    }

    /// Returns the permissions in this language. `openid` alone is none: it says who signs in.
    pub fn permissions(&self, language: Language) -> Vec<Permission<'_>> {
        permissions(&self.asked.audiences, &self.asked.apis, language)
    }

    /// Returns what identifies the contents of the page. If any of it changes, the page is shown again.
    pub fn digest(&self) -> String {
        digest_of(self.account, &self.client, &self.asked)
    }
}

impl<'s> Permission<'s> {
    /// Returns the scopes at an audience as permissions in this language. `openid` is none: it says who signs in.
    pub fn at(
        audience: &str,
        scopes: impl Iterator<Item = &'s str>,
        apis: &'s [Api],
        language: Language,
    ) -> impl Iterator<Item = Self> {
        let api = apis.iter().find(|api| api.identifier == audience);
        scopes.filter(|scope| *scope != OPENID).map(move |scope| {
            let own = api.and_then(|api| Some((api, api.scope(scope)?)));
            match own {
                Some((api, own)) => Self::OfApi(&api.name, words(own, language)),
                None => Self::Standard(scope),
            }
        })
    }
}

/// Returns the scopes of some audiences as permissions.
pub(super) fn permissions<'s>(audiences: &'s [Audience], apis: &'s [Api], language: Language) -> Vec<Permission<'s>> {
    let of_audience = |audience: &'s Audience| {
        let scopes = audience.scopes.0.iter().chain(audience.by_name.0.iter());
        Permission::at(&audience.identifier, scopes, apis, language)
    };
    audiences.iter().flat_map(of_audience).collect()
}

/// Returns what a scope allows, in this language, else in English; without words, it is the scope's name.
fn words(scope: &ApiScope, language: Language) -> &str {
    let said = scope.words.get(language.tag()).or_else(|| scope.words.get("en"));
    said.map_or(scope.name.as_str(), String::as_str)
}

/// Hashes what a page shows and the account that sees it, so that another account, signed in in a second tab, cannot
/// answer it.
pub(super) fn digest_of(account: AccountId, client: &Client, asked: &Asked) -> String {
    let mut text = format!("{}\n{}\n{}\n", account.0, client.client_id, client.updated_at.0);
    for audience in &asked.audiences {
        text.push_str(&format!("{}\n{}\n", audience.identifier, audience.consented()));
    }
    for api in &asked.apis {
        text.push_str(&format!("{}\n{}\n", api.identifier, api.updated_at.0));
    }
    let hash = digest(&SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}

impl AnswerGoesTo {
    /// Returns where a registered redirect URI leads.
    fn of(uri: &RedirectUri) -> Self {
        match (uri.kind(), uri.host()) {
            (Kind::Https | Kind::Http, Some(host)) => Self::Host(host.to_owned()),
            (Kind::Loopback, _) => Self::ThisComputer,
            _ => Self::App(uri.scheme().to_owned()),
        }
    }
}
