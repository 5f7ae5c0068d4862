//! The landing page, and the choice of a language.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::Uri;
use http::uri::PathAndQuery;
use serde::Deserialize;

use super::cookies::Cookie;
use super::form::{Again, OwnForm};
use super::reply::{page, see_other};
use super::return_path::ReturnPath;
use super::service::Pages;
use super::view::View;
use super::visitor::Visitor;
use crate::core::language::Language;
use crate::core::problem::Problem;
use crate::features::identity::accounts;
use crate::settings::Signup;

/// How long the chosen language is remembered.
const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 60 * 60);

#[derive(Template)]
#[template(path = "pages/landing.html")]
struct Landing {
    v: View,
    fresh: bool,
    signed_in: bool,
    open: bool,
    docs: bool,
    issuer: String,
}

/// Shows the landing page. On a new installation, it tells the developer what to do next.
pub(super) async fn landing(State(pages): State<Pages>, visitor: Visitor) -> Result<Response, Problem> {
    show(&pages, &visitor, View::new(&pages, &visitor)).await
}

async fn show(pages: &Pages, visitor: &Visitor, v: View) -> Result<Response, Problem> {
    let landing = Landing {
        fresh: accounts::is_empty(&pages.platform.db).await?,
        signed_in: visitor.signed_in.is_some(),
        open: pages.platform.settings.signup == Signup::Open,
        docs: pages.platform.settings.docs.enabled,
        issuer: pages.platform.settings.issuer.as_str().to_owned(),
        v: v.at("/"),
    };
    Ok(page(visitor, &landing.v, &landing))
}

#[derive(Deserialize)]
pub(super) struct Choice {
    language: String,
}

impl Again for Choice {
    async fn again(self, pages: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        show(pages, visitor, view).await
    }
}

/// Sets the language and returns to the page, whose URL follows `/language` in the URL of the form.
pub(super) async fn choose_language(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    uri: Uri,
    OwnForm(choice): OwnForm<Choice>,
) -> Response {
    if let Ok(language) = choice.language.parse::<Language>() {
        visitor.set_cookie(&pages, Cookie::Language, language.tag(), Some(REMEMBERED));
    }
    see_other(&visitor, &page_of(&uri))
}

/// Handles the URL of the form when it is opened rather than submitted.
pub(super) async fn language_page(visitor: Visitor, uri: Uri) -> Response {
    see_other(&visitor, &page_of(&uri))
}

fn page_of(uri: &Uri) -> String {
    let target = uri.path_and_query().map_or("", PathAndQuery::as_str);
    let page = target
        .strip_prefix("/language")
        .and_then(|page| page.parse::<ReturnPath>().ok());
    page.map_or_else(|| "/".to_owned(), |page| page.as_str().to_owned())
}
