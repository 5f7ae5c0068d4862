//! `GET /.well-known/jwks.json`, which allows every origin (by a layer) and requires no token.

use axum::extract::State;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::JwkSetBody;
use super::service::{IssueError, Keys};
use crate::core::conditional::etag_matches;
use crate::core::problem::{Code, Problem};

/// The state of the routes of this feature.
#[derive(Clone)]
pub struct Publication {
    keys: Keys,
    /// The `Cache-Control` of responses.
    cached: HeaderValue,
}

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Publication> {
    OpenApiRouter::new().routes(routes!(jwks))
}

/// The public keys that verify tokens
///
/// Cache the set as long as `Cache-Control` says, then revalidate it with `If-None-Match`. A new key is published for at
/// least twice that long before it signs, and an old key for as long as tokens signed with it are valid.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "keys",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the client's copy of the set")),
    responses(
        (status = OK, description = "The JWK Set", body = JwkSetBody, content_type = "application/jwk-set+json",
            headers(("ETag" = String, description = "The version of the set"), ("Cache-Control" = String))),
        (status = NOT_MODIFIED, description = "The client's copy is current"),
    ))]
async fn jwks(State(Publication { keys, cached }): State<Publication>, headers: HeaderMap) -> Response {
    let published = keys.published();
    let mut response = Response::default();
    let own = response.headers_mut();
    own.reserve(4);
    own.insert(ETAG, published.etag.clone());
    own.insert(CACHE_CONTROL, cached);
    if etag_matches(&headers, &published.etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        own.insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
        *response.body_mut() = published.body.clone().into();
    }
    response
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Revoked | IssueError::NoRsaKey => Self::new(Code::Unavailable).retry_after(5).caused_by(error),
            IssueError::Busy => Self::new(Code::Unavailable).retry_after(1).caused_by(error),
            IssueError::Sign(error) => Self::internal(error),
            IssueError::Store(error) => error.into(),
        }
    }
}

impl Publication {
    pub(crate) fn new(keys: Keys) -> Self {
        let cached = HeaderValue::try_from(format!("public, max-age={}", keys.max_age().as_secs()));
        Self {
            keys,
            cached: cached.expect("digits and letters are a header's value"),
        }
    }
}
