//! Every answer that is not a success leaves as a problem (RFC 9457) that names the request; the request's line in the log
//! has its code and its cause.

use axum::response::Response;
use countersign_guard::Denied;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use crate::core::problem::{Problem, Shown};
use crate::core::request_id::RequestId;

/// Finishes a problem that a handler left, or makes one of a bare answer of a library.
pub(super) fn complete(mut response: Response, issuer: &str, id: &RequestId) -> Response {
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
    let mut rendered = problem.render(issuer, Some(id.as_str()));
    // Headers that the layers below added to the first rendering, such as `Allow` and `RateLimit`, stay.
    for (name, value) in response.headers() {
        if !rendered.headers().contains_key(name) && name != CONTENT_LENGTH {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    // For the line of the log, and for the layer that shows it in another form.
    rendered.extensions_mut().insert(problem);
    rendered
}

/// The problem that an answer tells, as one or on a page.
pub(super) fn of(response: &Response) -> Option<&Problem> {
    let extensions = response.extensions();
    let shown = extensions.get::<Shown>().map(|Shown(problem)| problem);
    shown.or_else(|| extensions.get())
}

/// axum and its extractors refuse in plain text or without a body. Anything else was written on purpose.
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
