//! Sends the response to the client, through the browser.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::header::{LOCATION, REFERRER_POLICY};
use http::{HeaderValue, StatusCode};

use super::super::reply::page;
use super::super::service::Pages;
use super::super::view::View;
use super::super::visitor::Visitor;
use crate::core::problem::Problem;
use crate::features::oauth::authorization::{AuthorizationResponse, Carried};

/// The page whose form is submitted to the client (OAuth 2.0 Form Post Response Mode §2): by a script, or by its button
/// without JavaScript.
#[derive(Template)]
#[template(path = "pages/form_post.html")]
struct FormPost<'f> {
    v: View,
    to: &'f str,
    fields: &'f [(&'static str, String)],
}

/// Redirects to the client, or shows the page whose form is submitted to it. No cookie is set.
pub(super) fn answer(pages: &Pages, visitor: &Visitor, answer: &AuthorizationResponse) -> Result<Response, Problem> {
    match answer.carried() {
        Carried::Redirect(url) => {
            let url = HeaderValue::try_from(url).map_err(Problem::internal)?;
            let mut response = (StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response();
            // RFC 9700 §4.2.4: no page learns the code from `Referer`.
            let policy = HeaderValue::from_static("no-referrer");
            response.headers_mut().insert(REFERRER_POLICY, policy);
            Ok(response)
        }
        Carried::Form(to, fields) => {
            let v = View::new(pages, visitor).fixed().leading_away();
            let form = FormPost { v, to, fields };
            Ok(page(&visitor.clone().without_cookies(), &form.v, &form))
        }
    }
}
