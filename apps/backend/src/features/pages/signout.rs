//! Signing out.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::browser;
use super::done::{Done, redirect_to};
use super::form::{Again, OwnForm};
use super::reply::{page, see_other};
use super::service::Pages;
use super::view::View;
use super::visitor::Visitor;
use crate::core::problem::Problem;
use crate::core::request_info::RequestInfo;

#[derive(Template)]
#[template(path = "pages/confirm.html")]
struct SignOutPage {
    v: View,
    title: String,
    text: String,
    button: String,
}

/// Asks for confirmation, because a GET must not change anything. Without a session, there is nothing to confirm: the visitor
/// goes on to the destination, if there is one.
pub(super) async fn sign_out_page(State(pages): State<Pages>, visitor: Visitor) -> Result<Response, Problem> {
    if let Some(destination) = &visitor.destination
        && visitor.signed_in.is_none()
    {
        visitor.require_lookup()?;
        return Ok(see_other(&visitor, destination.as_str()));
    }
    Ok(ask_to_sign_out(&visitor, View::new(&pages, &visitor)))
}

fn ask_to_sign_out(visitor: &Visitor, v: View) -> Response {
    let confirm = SignOutPage {
        title: v.t("signout-title"),
        text: v.t("signout-text"),
        button: v.t("signout-button"),
        v,
    };
    page(visitor, &confirm.v, &confirm)
}

/// A form that has only a button.
#[derive(Deserialize)]
pub(super) struct SignOutForm {}

impl Again for SignOutForm {
    async fn again(self, _: &Pages, visitor: &Visitor, view: View) -> Result<Response, Problem> {
        Ok(ask_to_sign_out(visitor, view))
    }
}

pub(super) async fn sign_out(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    request: RequestInfo,
    OwnForm(SignOutForm {}): OwnForm<SignOutForm>,
) -> Result<Response, Problem> {
    browser::sign_out(&pages, &mut visitor, request).await?;
    let mut response = match &visitor.destination {
        Some(destination) => see_other(&visitor, destination.as_str()),
        None => redirect_to(&pages, &mut visitor, Done::SignedOut),
    };
    clear_site_data(&mut response);
    Ok(response)
}

/// Clears cached pages, so that the Back button does not show them (ASVS 14.3.1). The cookies are cleared by `browser`.
pub(super) fn clear_site_data(response: &mut Response) {
    let name = HeaderName::from_static("clear-site-data");
    let value = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert(name, value);
}
