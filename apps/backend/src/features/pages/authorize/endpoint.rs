//! `/oauth2/authorize`: where clients send browsers.

use axum::extract::{Request, State};
use axum::response::Response;
use countersign_oauth::OauthError;
use http::{StatusCode, Uri};

use super::super::foreign_form::{LONGEST_QUERY, as_query, too_long};
use super::super::reply::{message, redirection, see_other};
use super::super::service::Pages;
use super::super::view::View;
use super::super::visitor::Visitor;
use super::answer::answer;
use super::interaction::path_of;
use crate::core::problem::Problem;
use crate::core::request_info::RequestInfo;
use crate::features::oauth::authorization::{BeginError, Begun};

/// Begins an authorization request.
pub(super) async fn begin(
    State(pages): State<Pages>,
    visitor: Visitor,
    request: RequestInfo,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = uri.query().unwrap_or_default();
    if query.len() > LONGEST_QUERY {
        return Err(too_long());
    }
    visitor.require_lookup()?;
    let caller = visitor.caller(request);
    match pages.authorization.begin(query, &visitor.visit(&caller)).await? {
        Begun::Interaction(id) => Ok(see_other(&visitor, &path_of(id))),
        Begun::Answer(response) => answer(&pages, &visitor, &response),
        Begun::Page(error) => Ok(refused(&pages, &visitor, &error)),
    }
}

/// Answers a form with a redirect to the same request with GET: a page in response to a form without cookies would replace
/// those of the user's other tabs.
pub(super) async fn begin_by_post(request: Request) -> Result<Response, Problem> {
    let query = as_query(request).await?;
    Ok(redirection(&format!("/oauth2/authorize?{query}")))
}

/// The page for a request whose error cannot be sent to the client. It says what is wrong, for the developers of the
/// application.
fn refused(pages: &Pages, visitor: &Visitor, error: &OauthError) -> Response {
    let view = View::new(pages, visitor).fixed();
    let (title, text) = (view.t("refused-title"), view.t("refused-text"));
    let technical = format!("{}: {}", error.code().as_str(), error.description());
    let visitor = visitor.clone().without_cookies();
    message(&visitor, view, StatusCode::BAD_REQUEST, [title, text, technical])
}

impl From<BeginError> for Problem {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Limited(exceeded) => exceeded.into(),
            BeginError::Store(error) => error.into(),
        }
    }
}
