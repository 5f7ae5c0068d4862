//! Turns every unsuccessful response into a problem (RFC 9457) that contains the request ID. The log line of the
//! request has its code and cause.

use axum::response::{IntoResponse, Response};
use countersign_guard::Denied;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use crate::core::oauth_problem::OauthProblem;
use crate::core::problem::{Problem, Shown};
use crate::core::request_id::RequestId;

/// How an error is rendered.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// As a problem (RFC 9457).
    Problem,
    /// As RFC 6749 §5.2 says.
    Oauth,
}

impl Form {
    pub(super) fn of(path: &str) -> Self {
        match OauthProblem::is_form_of(path) {
            true => Self::Oauth,
            false => Self::Problem,
        }
    }
}

/// Completes a handler's problem, or creates one for a bare response of a library. `issuer` is where the codes are explained.
pub(super) fn complete(mut response: Response, form: Form, issuer: &str, id: &RequestId) -> Response {
    if response.status().is_success() {
        return response;
    }
    let extensions = response.extensions_mut();
    if extensions.get::<Shown>().is_some() {
        return response;
    }
    let denied = extensions.remove::<Denied>().map(Problem::from);
    let problem = match extensions.remove::<Problem>().or(denied) {
        Some(problem) => problem,
        None if is_bare(&response) => Problem::from_status(response.status()).status(response.status()),
        None => return response,
    };
    let mut rendered = match form {
        Form::Problem => problem.render(issuer, Some(id.as_str())),
        Form::Oauth => OauthProblem::from(problem.clone()).into_response(),
    };
    // Keep headers that inner layers added to the first rendering, such as `Allow` and `RateLimit`.
    for (name, value) in response.headers() {
        if !rendered.headers().contains_key(name) && name != CONTENT_LENGTH {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    // For the log line, and for the layer that renders it as a page.
    if matches!(form, Form::Problem) {
        rendered.extensions_mut().insert(problem);
    }
    rendered
}

/// Returns the problem of a response, whether rendered as a problem or as a page.
pub(super) fn of(response: &Response) -> Option<&Problem> {
    let extensions = response.extensions();
    let shown = extensions.get::<Shown>().map(|Shown(problem)| problem);
    shown.or_else(|| extensions.get())
}

/// Returns whether the response comes from axum or its extractors, which reject in plain text or without a body. Any
/// other response is intended.
fn is_bare(response: &Response) -> bool {
    let text = response
        .headers()
        .get(CONTENT_TYPE)
        .is_none_or(|value| value.as_bytes().starts_with(b"text/plain"));
    text && matches!(
        response.status(),
        StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY
            | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::SERVICE_UNAVAILABLE
    )
}
