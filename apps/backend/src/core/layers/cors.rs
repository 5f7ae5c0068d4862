//! Which scripts of other origins may read an answer (the Fetch standard's CORS protocol).
//!
//! `/api` is for the origins of the settings, spelled exactly; public documents are for everyone. Cookies never come
//! along: there is no `Access-Control-Allow-Credentials`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::core::problem::{Code, Problem};

/// How many different origins are named in the log within [`AGAIN_AFTER`]. Anyone can send any origin.
const MAX_NAMED: usize = 100;
/// An origin that goes on being refused is named again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(60 * 60);
/// Of those beyond, the log tells how many there were, so often at most.
const SUMMED_UP: Duration = Duration::from_secs(60);

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
        if *request.method() != Method::OPTIONS {
            return None;
        }
        let headers = request.headers();
        let origin = headers.get(ORIGIN)?;
        if !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
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
        let headers = request.headers();
        if let (Self::Unlisted { .. }, Some(origin)) = (self, headers.get(ORIGIN))
            && origin != own
            && headers.get(FETCH_SITE).is_none_or(|site| site != "same-origin")
        {
            refused.name(origin);
        }
    }

    /// Says in the answer who may read it. Of public documents [`for_anyone`] says so.
    pub(super) fn admit(&self, headers: &mut HeaderMap) {
        let varies = Self::Unlisted {
            others_are_listed: true,
        };
        if matches!(self, Self::Listed(_)) || *self == varies {
            // Without it a cache would give one origin's answer to another.
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        if let Self::Listed(origin) = self {
            let exposed = "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate";
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
        }
    }
}

/// What a public document carries that every origin may read.
pub(super) fn for_anyone() -> [(HeaderName, HeaderValue); 3] {
    [
        (RESOURCE_POLICY, HeaderValue::from_static("cross-origin")),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("ETag, X-Request-Id"),
        ),
    ]
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

/// The origins whose preflights were refused, or that may not read what they were answered, for the operator who wonders why a
/// page cannot sign in: each is named in the log once an hour, and when there are too many for that, a line a minute tells
/// their number and names one of them.
#[derive(Default)]
pub(super) struct RefusedOrigins(Mutex<Named>);

#[derive(Default)]
struct Named {
    /// When each was named last.
    at: HashMap<Box<[u8]>, Instant>,
    /// Refusals that nothing was said of yet.
    unnamed: u64,
    summed_up_at: Option<Instant>,
}

/// What there is to say of a refusal.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Nothing,
    Named,
    /// There were so many refusals of origins that are not named, this one the last.
    Others(u64),
}

impl RefusedOrigins {
    fn name(&self, origin: &HeaderValue) {
        let shown = origin.as_bytes();
        let shown = &shown[..shown.len().min(MAX_SHOWN)];
        let word = self.note(shown, Instant::now());
        let shown = shown.escape_ascii();
        match word {
            Word::Nothing => {}
            Word::Named => tracing::warn!(
                origin = %shown,
                setting = "cors_origins",
                "rejected a cross-origin request; if the origin is yours, add it to `cors_origins`"
            ),
            Word::Others(count) => tracing::warn!(
                origin = %shown,
                count,
                setting = "cors_origins",
                "rejected cross-origin requests from many origins, including this one; if an origin is yours, add \
                 it to `cors_origins`"
            ),
        }
    }

    fn note(&self, shown: &[u8], now: Instant) -> Word {
        let mut named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Named {
            at,
            unnamed,
            summed_up_at,
        } = &mut *named;
        let is_due = |before: &Instant, pause| now.saturating_duration_since(*before) >= pause;
        if at.get(shown).is_some_and(|before| !is_due(before, AGAIN_AFTER)) {
            return Word::Nothing;
        }
        at.retain(|_, before| !is_due(before, AGAIN_AFTER));
        if at.len() < MAX_NAMED {
            at.insert(shown.into(), now);
            return Word::Named;
        }
        *unnamed += 1;
        if summed_up_at.as_ref().is_some_and(|before| !is_due(before, SUMMED_UP)) {
            return Word::Nothing;
        }
        *summed_up_at = Some(now);
        Word::Others(std::mem::take(unnamed))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_origins_are_told_as_long_as_the_process_lives_in_bounded_memory() {
        let (refused, start) = (RefusedOrigins::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let named = |from: u32, now| {
            let words = (from..from + 5_000).map(|number| refused.note(number.to_string().as_bytes(), now));
            words.filter(|word| *word != Word::Nothing).collect::<Vec<_>>()
        };
        assert_eq!(refused.note(b"mine", at(0)), Word::Named);
        assert_eq!(refused.note(b"mine", at(3_599)), Word::Nothing);
        assert_eq!(refused.note(b"mine", at(3_600)), Word::Named);
        let first = named(0, at(3_601));
        assert_eq!(first.len(), MAX_NAMED, "99 by name, and the first of the others");
        assert_eq!(first.last(), Some(&Word::Others(1)));
        // All the others are told of in time, the operator's own page among them.
        assert_eq!(refused.note(b"new", at(3_660)), Word::Nothing);
        assert_eq!(refused.note(b"new", at(3_661)), Word::Others(4_902));
        assert!(refused.0.lock().unwrap().at.len() <= MAX_NAMED);
        // An hour later there is room again.
        assert_eq!(refused.note(b"new", at(7_300)), Word::Named);
        assert_eq!(named(5_000, at(7_300)).len(), MAX_NAMED);
        assert!(refused.0.lock().unwrap().at.len() <= MAX_NAMED);
    }
}
