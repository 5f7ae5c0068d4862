//! Forms that other sites send to the endpoints of the OpenID provider. Browsers send them without our cookies, so the response
//! to one would belong to an unknown browser. The form becomes the query of the same endpoint, which the browser opens.

use axum::body::to_bytes;
use axum::extract::Request;
use countersign_oauth::{Parameters, ParametersError};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use crate::core::problem::{Code, Problem};

/// The maximum length of a query. It leaves room for the other headers of the request.
pub(super) const LONGEST_QUERY: usize = 8 * 1024;
/// The maximum length of a form.
const LONGEST_FORM: usize = 16 * 1024;

/// Returns the parameters of a form as a query. Those in the URL come first, so that one that is in both is seen twice.
pub(super) async fn as_query(request: Request) -> Result<String, Problem> {
    let (parts, body) = request.into_parts();
    if !is_form(&parts.headers) {
        return Err(Problem::new(Code::UnsupportedMediaType));
    }
    let form = to_bytes(body, LONGEST_FORM).await;
    let form = form.map_err(|_| Problem::new(Code::BodyTooLarge))?;
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
    match query.len() <= LONGEST_QUERY {
        true => Ok(query),
        false => Err(too_long()),
    }
}

/// The problem of a query that is too long.
pub(super) fn too_long() -> Problem {
    Problem::new(Code::BodyTooLarge).status(StatusCode::URI_TOO_LONG)
}

fn is_form(headers: &HeaderMap) -> bool {
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = sent.and_then(|sent| sent.split(';').next()).unwrap_or_default();
    media_type
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
