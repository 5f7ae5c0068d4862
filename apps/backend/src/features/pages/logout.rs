//! Sign-out that an application asks for: `/oauth2/logout` (OpenID Connect RP-Initiated Logout 1.0).
//!
//! An application may sign its own user out without a question; otherwise, the user is asked. The form of that question has
//! the parameters of the request in its URL, and they are checked again when it is sent.

use askama::Template;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use countersign_oauth::ErrorCode;
use http::StatusCode;
use serde::Deserialize;

use super::browser;
use super::done::{self, Done, redirect_to};
use super::foreign_form::as_query;
use super::form::{Again, OwnForm};
use super::reply::{page, redirection, see_other};
use super::service::Pages;
use super::signout::clear_site_data;
use super::view::View;
use super::visitor::Visitor;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::oauth::clients::Client;
use crate::features::oauth::end_session::{EndSessionError, LogoutRequest, Situation};

/// The URL of the form that asks.
pub(super) const CONFIRM: &str = "/signout/application";
/// The endpoint.
pub(super) const LOGOUT: &str = "/oauth2/logout";

#[derive(Template)]
#[template(path = "pages/logout.html")]
struct LogoutPage {
    v: View,
    by: Option<String>,
    action: String,
}

/// A form that has only a button.
#[derive(Deserialize)]
pub(super) struct LogoutForm {}

/// Handles the request of an application, whose parameters are in the URL.
pub(super) async fn logout(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    RawQuery(query): RawQuery,
    request: RequestInfo,
) -> Result<Response, Problem> {
    visitor.require_lookup()?;
    let query = query.unwrap_or_default();
    match pages.end_session.decide(&query, visitor.user()).await {
        Ok(asked) => match asked.situation {
            Situation::Own => sign_out(&pages, &mut visitor, &asked, request).await,
            Situation::Asks => Ok(ask(
                &visitor,
                View::new(&pages, &visitor),
                asked.client.as_ref(),
                &query,
            )),
            Situation::SignedOut => Ok(signed_out_already(&pages, &visitor, &asked)),
        },
        Err(EndSessionError::Invalid(reason)) => Ok(refuse(&pages, &visitor, reason)),
        Err(EndSessionError::Store(error)) => Err(error.into()),
    }
}

/// Answers a request that was sent as a form with a redirect to the same request with GET.
pub(super) async fn logout_by_form(request: Request) -> Result<Response, Problem> {
    let query = as_query(request).await?;
    Ok(redirection(&format!("{LOGOUT}?{query}")))
}

/// Handles the answer to the question.
pub(super) async fn confirm(
    State(pages): State<Pages>,
    mut visitor: Visitor,
    RawQuery(query): RawQuery,
    request: RequestInfo,
    OwnForm(LogoutForm {}): OwnForm<LogoutForm>,
) -> Result<Response, Problem> {
    visitor.require_lookup()?;
    let query = query.unwrap_or_default();
    match pages.end_session.confirm(&query, visitor.user()).await {
        Ok(asked) => sign_out(&pages, &mut visitor, &asked, request).await,
        Err(EndSessionError::Invalid(reason)) => Ok(refuse(&pages, &visitor, reason)),
        Err(EndSessionError::Store(error)) => Err(error.into()),
    }
}

/// Asks again when the form's URL is opened rather than sent.
pub(super) async fn ask_again(RawQuery(query): RawQuery) -> Response {
    redirection(&format!("{LOGOUT}?{}", query.unwrap_or_default()))
}

impl Again for LogoutForm {
    async fn again(self, _: &Pages, _: &Visitor, _: View) -> Result<Response, Problem> {
        Err(Problem::new(Code::ForeignForm))
    }
}

fn ask(visitor: &Visitor, v: View, client: Option<&Client>, query: &str) -> Response {
    let asked = LogoutPage {
        by: client.map(|client| v.t1("logout-by", "application", &v.client_name(client))),
        action: format!("{CONFIRM}?{query}"),
        v: v.fixed().leading_away(),
    };
    page(visitor, &asked.v, &asked)
}

/// Ends the browser's session, if it has one, and continues at the application or with a confirmation.
async fn sign_out(
    pages: &Pages,
    visitor: &mut Visitor,
    asked: &LogoutRequest,
    request: RequestInfo,
) -> Result<Response, Problem> {
    if let (Some(client), Some(ended)) = (&asked.client, visitor.user()) {
        let caller = visitor.caller(request.clone());
        pages.end_session.record(client, ended, &caller).await?;
    }
    browser::sign_out(pages, visitor, request).await?;
    let mut response = match &asked.return_to {
        Some(address) => see_other(visitor, address),
        None => redirect_to(pages, visitor, Done::SignedOut),
    };
    clear_site_data(&mut response);
    Ok(response)
}

/// There is no session to end: continues as if it had just been ended.
fn signed_out_already(pages: &Pages, visitor: &Visitor, asked: &LogoutRequest) -> Response {
    match &asked.return_to {
        Some(address) => see_other(visitor, address),
        None => done::show(visitor, View::new(pages, visitor).fixed(), Done::SignedOut),
    }
}

#[derive(Template)]
#[template(path = "pages/logout_refused.html")]
struct RefusedPage {
    v: View,
    title: String,
    text: String,
    /// What is wrong, for the developers of the application.
    technical: String,
    link: &'static str,
    label: String,
}

/// Shows that nothing has changed, and why. An invalid request never redirects the browser.
fn refuse(pages: &Pages, visitor: &Visitor, reason: &'static str) -> Response {
    tracing::info!(reason, "refused a sign-out request from an application");
    let v = View::new(pages, visitor).fixed();
    let (link, label) = match visitor.signed_in {
        Some(_) => ("/signout", v.t("signout-button")),
        None => ("/", v.t("page-home")),
    };
    let refused = RefusedPage {
        title: v.t("error-title"),
        text: v.t("error-logout"),
        technical: format!("{}: {reason}", ErrorCode::InvalidRequest.as_str()),
        label,
        link,
        v,
    };
    let mut response = page(visitor, &refused.v, &refused);
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
