//! The page that greets, and the choice of a language.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::cookies::Cookie;
use super::form::OwnForm;
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
    let landing = Landing {
        v: View::new(&context, &visitor),
        fresh: accounts::is_empty(&context.db).await?,
        signed_in: visitor.signed_in.is_some(),
        open: context.settings.signup == Signup::Open,
        docs: context.settings.docs.enabled,
        issuer: context.settings.issuer.as_str().to_owned(),
    };
    Ok(page(&visitor, StatusCode::OK, &landing))
}

#[derive(Deserialize)]
pub(super) struct Choice {
    language: String,
    back: String,
}

pub(super) async fn choose_language(
    State(context): State<Context>,
    mut visitor: Visitor,
    OwnForm(choice): OwnForm<Choice>,
) -> Response {
    if let Ok(language) = choice.language.parse::<Language>() {
        let cookie = Cookie::Language.set(&context, language.tag(), Some(REMEMBERED));
        visitor.cookies.push(cookie);
    }
    see_other(&visitor, local(&choice.back).unwrap_or("/"))
}

/// A path below this origin, and nothing that a browser would take for another host (`//evil`, `/\evil`).
pub(super) fn local(path: &str) -> Option<&str> {
    let inside = path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n', '\t']);
    (inside && path.is_ascii()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_91_nothing_leads_to_another_host() {
        for path in ["/", "/account", "/account?x=//y"] {
            assert_eq!(local(path), Some(path));
        }
        for path in [
            "",
            "account",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\r\nx: y",
            "/\t/evil.example",
            "/ä",
        ] {
            assert_eq!(local(path), None, "{path:?}");
        }
    }
}
