//! What the pages of a request show of it.

use countersign_oauth::{Kind, RedirectUri};

use super::loaded::Loaded;
use crate::core::ids::AccountId;
use crate::core::language::Language;
use crate::features::oauth::authorization::access::GrantableAccess;
use crate::features::oauth::authorization::permission::Permission;
use crate::features::oauth::clients::Client;

/// What a page shows of a request.
pub struct ConsentSummary {
    pub client: Client,
    pub goes_to: AnswerGoesTo,
    /// Who is signed in.
    account: AccountId,
    asked: GrantableAccess,
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

impl ConsentSummary {
    pub(super) fn new(loaded: &Loaded, asked: GrantableAccess, account: AccountId) -> Self {
        Self {
            account,
            goes_to: loaded.registered().map_or(AnswerGoesTo::ThisComputer, AnswerGoesTo::of),
            client: loaded.client.clone(),
            asked,
        }
    }

    /// Returns the permissions in this language. `openid` alone is none: it says who signs in.
    pub fn permissions(&self, language: Language) -> Vec<Permission<'_>> {
        self.asked.permissions(language)
    }

    /// Returns what identifies the contents of the page. If any of it changes, the page is shown again.
    pub fn digest(&self) -> String {
        self.asked.digest(self.account, &self.client)
    }
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
