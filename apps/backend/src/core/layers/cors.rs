//! Which scripts of other origins may read an answer (the Fetch standard's CORS protocol).
//!
//! `/api` is for the origins of the settings, spelled exactly; public documents are for everyone. Cookies never come
//! along: there is no `Access-Control-Allow-Credentials`.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What the request's origin may see of what it asks for.
pub(super) enum Visitor {
    /// A public document: every origin may read it.
    Anyone,
    /// An origin of the settings asks for something below `/api`.
    Listed(HeaderValue),
    /// Another origin, or none, asks for something below `/api`, which answers some origins.
    Unlisted,
    /// Nothing here is for other origins.
    Nobody,
}

impl Visitor {
    /// Who asks.
    pub(super) fn of(request: &Request, listed: &[String]) -> Self {
        let path = request.uri().path();
        if is_public_document(path) {
            return Self::Anyone;
        }
        if listed.is_empty() || !path.starts_with("/api/") || is_for_proxies(path) {
            return Self::Nobody;
        }
        let origin = request.headers().get(ORIGIN);
        let found = origin.filter(|origin| listed.iter().any(|entry| entry.as_bytes() == origin.as_bytes()));
        found.map_or(Self::Unlisted, |origin| Self::Listed(origin.clone()))
    }

    /// The answer to a preflight that is welcome; others meet the router's 405.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        let headers = request.headers();
        let asks = *request.method() == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let (methods, allowed) = match self {
            Self::Anyone => ("GET, HEAD", "If-None-Match, Prefer"),
            // Swagger UI, in the documentation of somebody's service, sends X-Requested-With when it signs in.
            Self::Listed(_) => (
                "GET, HEAD, POST, PUT, PATCH, DELETE",
                "Authorization, Content-Type, X-Requested-With",
            ),
            Self::Unlisted | Self::Nobody => return None,
        };
        let granted = [
            (ACCESS_CONTROL_ALLOW_METHODS, methods),
            (ACCESS_CONTROL_ALLOW_HEADERS, allowed),
            (ACCESS_CONTROL_MAX_AGE, "600"),
        ];
        asks.then(|| (StatusCode::NO_CONTENT, granted).into_response())
    }

    /// Says in the answer who may read it.
    pub(super) fn admit(self, response: &mut Response) {
        let headers = response.headers_mut();
        if matches!(self, Self::Listed(_) | Self::Unlisted) {
            // Without it a cache would give one origin's answer to another.
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        let (origin, exposed) = match self {
            Self::Anyone => {
                headers
                    .entry(RESOURCE_POLICY)
                    .or_insert(HeaderValue::from_static("cross-origin"));
                (HeaderValue::from_static("*"), "ETag, X-Request-Id")
            }
            Self::Listed(origin) => (
                origin,
                "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate",
            ),
            Self::Unlisted | Self::Nobody => return,
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    }
}

/// The documents that verifiers and tools fetch from anywhere: they hold nothing of anybody.
fn is_public_document(path: &str) -> bool {
    path == "/openapi.json" || path.starts_with("/.well-known/") || path.starts_with("/oauth2/status-lists/")
}

/// A proxy may ask with the method and the headers of the request that it holds. To answer such a preflight with a
/// success would tell the proxy that its client is signed in.
fn is_for_proxies(path: &str) -> bool {
    path.strip_prefix("/api/auth/forward")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
