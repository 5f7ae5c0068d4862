//! `/oauth2/authorize`: where clients send browsers.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use countersign_oauth::{OauthError, Parameters, ParametersError};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use super::super::reply::{message, see_other};
use super::super::service::Pages;
use super::super::view::View;
use super::super::visitor::Visitor;
use super::answer::answer;
use super::interaction::path_of;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::oauth::authorization::{BeginError, Begun, Visit};

/// The maximum length of a query. It leaves room for the other headers of the request.
const LONGEST_QUERY: usize = 8 * 1024;
/// The maximum length of a form.
const LONGEST_FORM: usize = 16 * 1024;

/// Begins an authorization request.
pub(super) async fn begin(
    State(pages): State<Pages>,
    visitor: Visitor,
    request: RequestInfo,
    uri: Uri,
) -> Result<Response, Problem> {
    is_on(&pages)?;
    let query = uri.query().unwrap_or_default();
    if query.len() > LONGEST_QUERY {
        return Err(too_long());
    }
    let caller = visitor.caller(request);
    let visit = Visit {
        browser: visitor.handle(),
        signed_in: visitor.signed_in.as_ref(),
        caller: &caller,
    };
    match pages.authorization.begin(query, &visit).await? {
        Begun::Interaction(id) => Ok(see_other(&visitor, &path_of(id))),
        Begun::Answer(response) => answer(&pages, &visitor, &response),
        Begun::Page(error) => Ok(refused(&pages, &visitor, &error)),
    }
}

/// Answers a form with a redirect to the same request with GET. A form from another site is sent without cookies, so a
/// page in response to it would belong to an unknown browser, and its cookies would replace those of the user's other
/// tabs.
pub(super) async fn begin_by_post(State(pages): State<Pages>, request: Request) -> Result<Response, Problem> {
    is_on(&pages)?;
    let (parts, body) = request.into_parts();
    if !is_form(&parts.headers) {
        return Err(Problem::new(Code::UnsupportedMediaType));
    }
    let form = read(body).await?;
    // Parameters of the query count too, so that one that is in both is seen twice.
    let mut query = form_urlencoded::Serializer::new(String::new());
    for part in [parts.uri.query().unwrap_or_default().as_bytes(), &form] {
        // The decoder would replace what is not UTF-8, and the client would get another `state` than it sent.
        let text = std::str::from_utf8(part).map_err(|_| Problem::new(Code::MalformedBody))?;
        if Parameters::parse(text) == Err(ParametersError::NotUtf8) {
            return Err(Problem::new(Code::MalformedBody));
        }
        query.extend_pairs(form_urlencoded::parse(part));
    }
    let query = query.finish();
    if query.len() > LONGEST_QUERY {
        return Err(too_long());
    }
    let url = HeaderValue::try_from(format!("/oauth2/authorize?{query}")).map_err(Problem::internal)?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response())
}

async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    let bytes = to_bytes(body, LONGEST_FORM).await;
    bytes.map(Into::into).map_err(|_| Problem::new(Code::BodyTooLarge))
}

fn is_form(headers: &HeaderMap) -> bool {
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = sent.and_then(|sent| sent.split(';').next()).unwrap_or_default();
    media_type
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn is_on(pages: &Pages) -> Result<(), Problem> {
    match pages.platform.settings.provider.enabled {
        true => Ok(()),
        false => Err(Problem::new(Code::NotFound)),
    }
}

fn too_long() -> Problem {
    Problem::new(Code::BodyTooLarge).status(StatusCode::URI_TOO_LONG)
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
