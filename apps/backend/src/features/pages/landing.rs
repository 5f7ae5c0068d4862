//! The page that greets, and the choice of a language.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::cookies::Cookie;
use super::form::{Again, OwnForm};
use super::place::Place;
use super::reply::{page, see_other};
use super::view::View;
use super::visitor::Visitor;
use crate::Context;
use crate::core::language::Language;
use crate::core::problem::Problem;
use crate::features::accounts;
use crate::settings::Signup;

/// How long a choice is remembered.
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

/// Whoever comes to a fresh installation is its developer, and is told what to do next.
pub(super) async fn landing(State(context): State<Context>, visitor: Visitor) -> Result<Response, Problem> {
    show(&context, &visitor, View::new(&context, &visitor)).await
}

async fn show(context: &Context, visitor: &Visitor, v: View) -> Result<Response, Problem> {
    let landing = Landing {
        fresh: accounts::is_empty(&context.db).await?,
        signed_in: visitor.signed_in.is_some(),
        open: context.settings.signup == Signup::Open,
        docs: context.settings.docs.enabled,
        issuer: context.settings.issuer.as_str().to_owned(),
        v: v.at("/"),
    };
    Ok(page(visitor, &landing.v, &landing))
}

#[derive(Deserialize)]
pub(super) struct Choice {
    language: String,
    back: String,
}

impl Again for Choice {
    async fn again(self, context: &Context, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        show(context, visitor, view).await
    }
}

pub(super) async fn choose_language(
    State(context): State<Context>,
    mut visitor: Visitor,
    OwnForm(choice): OwnForm<Choice>,
) -> Response {
    if let Ok(language) = choice.language.parse::<Language>() {
        visitor.keep(&context, Cookie::Language, (language.tag(), Some(REMEMBERED)));
    }
    let back = choice.back.parse::<Place>();
    see_other(&visitor, back.as_ref().map_or("/", Place::as_str))
}
