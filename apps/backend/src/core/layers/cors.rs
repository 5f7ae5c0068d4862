//! Which scripts of other origins may read an answer (the Fetch standard's CORS protocol).
//!
//! `/api` is for the origins of the settings, spelled exactly; public documents are for everyone. Cookies never come
//! along: there is no `Access-Control-Allow-Credentials`.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::core::problem::{Code, Problem};

/// How many different origins are named in the log. Anyone can send any origin.
const MAX_NAMED: usize = 100;

/// Longer than any origin of a page (a host name has 253 characters at most).
const MAX_SHOWN: usize = 300;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What the request's origin may see of what it asks for.
#[derive(PartialEq, Eq)]
pub(super) enum Visitor {
    /// A public document: every origin may read it.
    Anyone,
    /// An origin of the settings asks for something below `/api`.
    Listed(HeaderValue),
    /// Another origin, or none, asks for something below `/api`.
    Unlisted {
        /// Whether other origins get another answer.
        others_are_listed: bool,
    },
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
        if !path.starts_with("/api/") || is_for_proxies(path) {
            return Self::Nobody;
        }
        Self::from_origin(request.headers().get(ORIGIN), listed)
    }

    /// Who asks for something that cannot be told, or below `/api`.
    pub(super) fn from_origin(origin: Option<&HeaderValue>, listed: &[String]) -> Self {
        let found = origin.filter(|origin| listed.iter().any(|entry| entry.as_bytes() == origin.as_bytes()));
        match found {
            Some(origin) => Self::Listed(origin.clone()),
            None => Self::Unlisted {
                others_are_listed: !listed.is_empty(),
            },
        }
    }

    /// The answer to a preflight, where scripts of other origins may ask at all; elsewhere it meets the router's 405.
    pub(super) fn preflight(&self, request: &Request, refused: &RefusedOrigins) -> Option<Response> {
        let headers = request.headers();
        let origin = headers.get(ORIGIN)?;
        if *request.method() != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let (methods, usual) = match self {
            Self::Anyone => ("GET, HEAD", "If-None-Match, Prefer"),
            // Swagger UI, in the documentation of somebody's service, sends X-Requested-With when it signs in.
            Self::Listed(_) => (
                "GET, HEAD, POST, PUT, PATCH, DELETE",
                "Authorization, Content-Type, X-Requested-With",
            ),
            Self::Unlisted { .. } => {
                refused.name(origin);
                return Some(Problem::new(Code::OriginNotAllowed).into_response());
            }
            Self::Nobody => return None,
        };
        let granted = [
            (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods)),
            (
                ACCESS_CONTROL_ALLOW_HEADERS,
                wished(headers).unwrap_or(HeaderValue::from_static(usual)),
            ),
            (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
        ];
        Some((StatusCode::NO_CONTENT, granted).into_response())
    }

    /// Names the origin of a page that asked without a preflight (a form, say) and may not read the answer: its browser tells
    /// nobody why. `own` is this server's.
    pub(super) fn note(&self, request: &Request, own: &str, refused: &RefusedOrigins) {
        let same_origin = request
            .headers()
            .get(FETCH_SITE)
            .is_some_and(|site| site == "same-origin");
        if let (Self::Unlisted { .. }, Some(origin)) = (self, request.headers().get(ORIGIN))
            && !same_origin
            && origin != own
        {
            refused.name(origin);
        }
    }

    /// Says in the answer who may read it.
    pub(super) fn admit(self, response: &mut Response) {
        let headers = response.headers_mut();
        let varies = Self::Unlisted {
            others_are_listed: true,
        };
        if matches!(self, Self::Listed(_)) || self == varies {
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
            Self::Unlisted { .. } | Self::Nobody => return,
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    }
}

/// The request headers that a script would send, as it names them. Who may call at all may send any: tracing libraries
/// add `traceparent`, `baggage` and others of their own to every request of a page, and what a header says is believed
/// no more of a script than of any other client.
fn wished(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines = headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let names: Option<Vec<_>> = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
        .map(|name| HeaderName::from_bytes(name).ok())
        .collect();
    let names = names.filter(|names| !names.is_empty())?;
    let names: Vec<_> = names.iter().map(HeaderName::as_str).collect();
    HeaderValue::try_from(names.join(", ")).ok()
}

/// The origins whose preflights were refused, or that may not read what they were answered: each is named in the log once, for the operator who wonders why a page
/// cannot sign in.
#[derive(Default)]
pub(super) struct RefusedOrigins(Mutex<HashSet<Box<[u8]>>>);

impl RefusedOrigins {
    fn name(&self, origin: &HeaderValue) {
        let shown = origin.as_bytes();
        let shown = &shown[..shown.len().min(MAX_SHOWN)];
        let mut named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() < MAX_NAMED && named.insert(shown.into()) {
            tracing::warn!(
                origin = %shown.escape_ascii(),
                setting = "cors_origins",
                "a page of this origin was refused: if it is yours, add its origin to `cors_origins`"
            );
        }
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
