//! What every template can use: texts, the form token, and errors in the submitted form.

mod links;
mod mistakes;
mod texts;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::{HeaderMap, HeaderValue, StatusCode};

pub(super) use links::Link;
pub(super) use mistakes::Mistake;
pub(super) use texts::SaidTime;

use super::destination::Destination;
use super::service::Pages;
use super::visitor::Visitor;
use crate::core::brand;
use crate::core::language::Language;
use crate::core::problem::Code;
use crate::features::oauth::authorization::Interaction;

/// Where a signed-in user continues if there is no other destination.
pub(super) const HOME: &str = "/account";

/// The data of a template in addition to its own values.
pub(super) struct View {
    site: Pages,
    pub language: Language,
    pub service: String,
    pub style: String,
    pub script: String,
    pub icon: String,
    pub form_token: String,
    pub path: String,
    destination: Option<Destination>,
    /// The authorization request that the page belongs to, or that it leads to.
    interaction: Option<Arc<Interaction>>,
    /// Whether a form of the page is sent to a client.
    leads_away: bool,
    /// Whether a button of the page leads to the application.
    leads_back: bool,
    is_signed_in: bool,
    /// Whether the language can be changed here: not if the URL contains an emailed token.
    pub switchable: bool,
    pub notice: Option<String>,
    pub least: usize,
    most: usize,
    status: StatusCode,
    headers: HeaderMap,
    wrong: Vec<Mistake>,
    /// The code of the problem, if there is one.
    code: Option<Code>,
    /// The field that has the focus if nothing is wrong.
    begin: &'static str,
    /// Whether errors in fields that the page does not have are shown at its top.
    tells_rest: AtomicBool,
}

impl View {
    pub(super) fn new(pages: &Pages, visitor: &Visitor) -> Self {
        Self {
            site: pages.clone(),
            language: visitor.language,
            service: pages.platform.settings.pages.name.clone(),
            style: pages.assets.style_path.clone(),
            script: pages.assets.script_path.clone(),
            icon: pages.assets.icon_path.clone(),
            form_token: visitor.form_token.clone(),
            path: visitor.onward(&visitor.path),
            destination: visitor.destination.clone(),
            interaction: visitor.interaction.clone(),
            leads_away: false,
            leads_back: false,
            is_signed_in: visitor.signed_in.is_some(),
            switchable: true,
            notice: None,
            least: pages.platform.settings.passwords.min_length,
            most: pages.platform.settings.passwords.max_length,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            wrong: Vec::new(),
            code: None,
            begin: "",
            tells_rest: AtomicBool::new(false),
        }
    }

    /// Sets the field that has the focus.
    pub(super) fn beginning(self, field: &'static str) -> Self {
        Self { begin: field, ..self }
    }

    /// Adds a notice of a completed action.
    pub(super) fn noting(self, notice: String) -> Self {
        Self {
            notice: Some(notice),
            ..self
        }
    }

    /// Sets the path of the page, if it differs from that of the submitted form.
    pub(super) fn at(self, path: &str) -> Self {
        Self {
            path: self.onward(path),
            ..self
        }
    }

    /// Sets that a button of the page leads to the application.
    pub(super) fn leading_back(self) -> Self {
        Self {
            leads_back: true,
            ..self
        }
    }

    /// Sets that the form of the page is sent to a client.
    pub(super) fn leading_away(self) -> Self {
        Self {
            leads_away: true,
            ..self
        }
    }

    /// Disables changing the language.
    pub(super) fn fixed(self) -> Self {
        Self {
            switchable: false,
            ..self
        }
    }

    /// Returns the policy of the page.
    pub(super) fn policy(&self) -> HeaderValue {
        let policies = &self.site.policies;
        match self.leads_away || self.interaction.is_some() {
            true => policies.of_interactions.clone(),
            false => policies.usual.clone(),
        }
    }

    pub(super) fn languages(&self) -> &'static [Language] {
        Language::ALL
    }

    /// Returns the status of the page; an error if a form was refused.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the headers of a refusal, such as `Retry-After`.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the background colors of the pages by color scheme. Browsers use them for their toolbars.
    pub(super) fn grounds(&self) -> [(&'static str, String); 2] {
        [("light", brand::LIGHT.ground.css()), ("dark", brand::DARK.ground.css())]
    }

    /// Returns the letter shown instead of a logo.
    pub(super) fn initial(&self) -> String {
        super::assets::initial(&self.service)
    }
}
