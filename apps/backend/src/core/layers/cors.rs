//! Cross-origin access for scripts (the Fetch standard's CORS protocol).
//!
//! `/api` is available to the origins of applications, compared exactly, and with credentials: their scripts act for
//! users who are signed in. Public documents are available to all origins, without credentials; so are the OAuth endpoints of
//! clients that run in a browser, which send a token or a code with each request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::early::EarlyRequest;
use crate::core::applications::{Applications, StartPage};
use crate::core::problem::{Code, Problem};

/// The number of different origins logged within [`AGAIN_AFTER`]. Limited because clients can send any origin.
const MAX_NAMED: usize = 100;
/// An origin that is still rejected is logged again after this time.
const AGAIN_AFTER: Duration = Duration::from_secs(60 * 60);
/// The interval at which the number of other rejected origins is logged.
const SUMMED_UP: Duration = Duration::from_secs(60);

/// The OAuth endpoints that public clients call from a browser, and their methods: televisions run web applications, too.
/// Introspection is for confidential clients, and the authorization endpoint is for navigation.
const SCRIPTS: [(&str, &str); 4] = [
    ("/oauth2/token", "POST"),
    ("/oauth2/revoke", "POST"),
    ("/oauth2/device_authorization", "POST"),
    ("/oauth2/userinfo", "GET, POST"),
];

/// Longer than any origin of a page (a host name has 253 characters at most).
const MAX_SHOWN: usize = 300;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The access of the request's origin to the resource.
#[derive(PartialEq, Eq)]
pub(super) enum Visitor {
    /// A public document, readable from every origin.
    Anyone,
    /// An OAuth endpoint, which scripts of every origin may call with these methods.
    Script(&'static str),
    /// An application requests a resource under `/api`.
    Listed(HeaderValue),
    /// Another origin, or none, requests a resource under `/api`.
    Unlisted {
        /// Whether other origins get a different response.
        others_are_listed: bool,
    },
    /// Not available to other origins.
    SameOrigin,
}

impl Visitor {
    pub(super) fn of(request: &Request, listed: &Applications) -> Self {
        let path = request.uri().path();
        if let Some(public) = Self::of_everyone(path) {
            return public;
        }
        if !path.starts_with("/api/") || is_for_proxies(path) {
            return Self::SameOrigin;
        }
        // Browsers send one. Of several, none is trusted.
        let mut origins = request.headers().get_all(ORIGIN).iter();
        let only = origins.next().filter(|_| origins.next().is_none());
        Self::from_origin(only, listed)
    }

    /// Returns the access that does not depend on the origin.
    fn of_everyone(path: &str) -> Option<Self> {
        if is_public_document(path) {
            return Some(Self::Anyone);
        }
        let (_, methods) = SCRIPTS.iter().find(|(endpoint, _)| *endpoint == path)?;
        Some(Self::Script(methods))
    }

    /// Returns the access of a request that is rejected before routing.
    pub(super) fn from_head(told: &EarlyRequest, listed: &Applications) -> Self {
        let public = told.path.as_deref().and_then(Self::of_everyone);
        public.unwrap_or_else(|| Self::from_origin(told.origin(), listed))
    }

    /// Returns the access to resources under `/api`, or to an unknown resource.
    fn from_origin(origin: Option<&HeaderValue>, listed: &Applications) -> Self {
        let is_listed = |origin: &&HeaderValue| origin.to_str().is_ok_and(|origin| listed.of_origin(origin).is_some());
        let found = origin.filter(is_listed);
        match found {
            Some(origin) => Self::Listed(origin.clone()),
            None => Self::Unlisted {
                others_are_listed: !listed.is_empty(),
            },
        }
    }

    /// Returns the start page of the application that sends the request.
    pub(super) fn start_page(&self, listed: &Applications) -> Option<StartPage> {
        match self {
            Self::Listed(origin) => listed.start_of(origin.to_str().ok()?),
            Self::Anyone | Self::Script(_) | Self::Unlisted { .. } | Self::SameOrigin => None,
        }
    }

    /// Returns the response to a preflight where cross-origin requests are possible; elsewhere, the router answers 405.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        if *request.method() != Method::OPTIONS {
            return None;
        }
        let headers = request.headers();
        if !headers.contains_key(ORIGIN) || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let (methods, usual) = match self {
            Self::Anyone => ("GET, HEAD", "If-None-Match, Prefer"),
            Self::Script(methods) => (*methods, "Authorization, Content-Type"),
            // Swagger UI, as used in the documentation of other services, sends X-Requested-With when it signs in.
            Self::Listed(_) => (
                "GET, HEAD, POST, PUT, PATCH, DELETE",
                "Authorization, Content-Type, X-Requested-With",
            ),
            Self::Unlisted { .. } => return Some(Problem::new(Code::OriginNotAllowed).into_response()),
            Self::SameOrigin => return None,
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

    /// Returns what to log about the page that sent a request. An unlisted origin is logged even if its request was not
    /// rejected: without a preflight (such as a form), the browser keeps the response from the page and does not tell the
    /// server. `own` is this server's origin.
    pub(super) fn fault(&self, page: &Page, code: Option<Code>, own: &str) -> Option<Fault> {
        let is_rejected = code == Some(Code::OriginNotAllowed);
        match self {
            Self::Anyone | Self::Script(_) => None,
            Self::Listed(_) => is_rejected.then_some(Fault::OtherSite),
            Self::Unlisted { .. } if page.origin == own => is_rejected.then_some(Fault::OtherSite),
            Self::Unlisted { .. } if page.is_same_origin => is_rejected.then_some(Fault::NotIssuer),
            Self::Unlisted { .. } if page.origin == "null" => Some(Fault::NoOrigin),
            Self::Unlisted { .. } => Some(Fault::Unlisted),
            Self::SameOrigin => is_rejected.then_some(Fault::OtherPage),
        }
    }

    /// Adds the CORS headers. Those of public documents come from [`for_anyone`].
    pub(super) fn admit(&self, headers: &mut HeaderMap) {
        let varies = Self::Unlisted {
            others_are_listed: true,
        };
        if matches!(self, Self::Listed(_)) || *self == varies {
            // Without this, a cache would serve one origin's response to another.
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        if let Self::Listed(origin) = self {
            let exposed = "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate";
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
        }
    }
}

/// The page that sent a request, as the browser describes it.
pub(super) struct Page {
    pub(super) origin: HeaderValue,
    /// Whether the page has the origin to which it sent the request.
    is_same_origin: bool,
}

impl Page {
    /// Returns `None` for a request without `Origin`, which is not from a page or only reads.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let headers = request.headers();
        Some(Self {
            origin: headers.get(ORIGIN)?.clone(),
            is_same_origin: headers.get(FETCH_SITE).is_some_and(|site| site == "same-origin"),
        })
    }
}

/// Why a page may not call the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its origin is not listed.
    Unlisted,
    /// It has no origin that could be listed: browsers send `null`.
    NoOrigin,
    /// It reaches this server at its own origin, which is neither the issuer nor listed.
    NotIssuer,
    /// It is on another site than this server, where the session cookie does not work.
    OtherSite,
    /// It is not the application whose proxy asks who is signed in.
    OtherPage,
}

impl Fault {
    fn setting(self) -> Option<&'static str> {
        match self {
            Self::Unlisted | Self::NoOrigin => Some("app_origins"),
            Self::NotIssuer => Some("issuer"),
            Self::OtherSite | Self::OtherPage => None,
        }
    }

    /// Returns the log message for operators.
    fn message(self) -> &'static str {
        match self {
            Self::Unlisted => "rejected a cross-origin request; if the origin is yours, add it to `app_origins`",
            Self::NoOrigin => {
                "rejected a cross-origin request of a page without an origin, such as a local file or a sandboxed frame, \
                 which `app_origins` cannot list; serve the page from a URL"
            }
            Self::NotIssuer => {
                "rejected a request of a page that reaches this server at its own origin, which is not `issuer`; open the \
                 page at the issuer, correct `issuer`, or add the origin to `app_origins`"
            }
            Self::OtherSite => {
                "rejected a request with the session cookie, because the page is on another site; use host names on the \
                 same site for the page and this server, or have the page sign in with tokens"
            }
            Self::OtherPage => {
                "rejected a request to an application behind a proxy, because a page of another origin sent it with the \
                 session cookie; have the page send a bearer token"
            }
        }
    }
}

/// Returns the headers of responses that every origin may read: of public documents and of [`SCRIPTS`]. Without credentials,
/// because no cookie counts there.
pub(super) fn for_anyone() -> [(HeaderName, HeaderValue); 3] {
    [
        (RESOURCE_POLICY, HeaderValue::from_static("cross-origin")),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("ETag, X-Request-Id, Retry-After, WWW-Authenticate"),
        ),
    ]
}

/// Returns the request headers named in a preflight. Any are allowed: tracing libraries add `traceparent`, `baggage`
/// and others to every request of a page, and headers from scripts are trusted no more than those of other clients.
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

/// Rejected origins, logged so that operators can find out why a page cannot sign in. Each origin is logged once an
/// hour. If there are too many, one line a minute gives their number and an example.
#[derive(Default)]
pub(super) struct RefusedOrigins(Mutex<Named>);

#[derive(Default)]
struct Named {
    /// The time at which each origin was last logged.
    at: HashMap<Box<[u8]>, Instant>,
    /// The number of rejections not yet logged.
    unnamed: u64,
    summed_up_at: Option<Instant>,
}

/// What to log about a rejection.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Nothing,
    Named,
    /// The number of rejections of unlogged origins, including this one.
    Others(u64),
}

impl RefusedOrigins {
    /// Logs a rejection of this origin, or counts it.
    pub(super) fn name(&self, origin: &HeaderValue, fault: Fault) {
        let shown = origin.as_bytes();
        let shown = &shown[..shown.len().min(MAX_SHOWN)];
        let word = self.note(shown, Instant::now());
        let shown = shown.escape_ascii();
        match word {
            Word::Nothing => {}
            Word::Named => tracing::warn!(origin = %shown, setting = fault.setting(), "{}", fault.message()),
            Word::Others(count) => tracing::warn!(
                origin = %shown,
                count,
                setting = fault.setting(),
                "rejected cross-origin requests from many origins; for this one: {}", fault.message()
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

/// Returns whether the path is a public document, which verifiers and tools fetch from any origin. They contain no
/// personal data.
fn is_public_document(path: &str) -> bool {
    path == "/openapi.json" || path.starts_with("/.well-known/") || path.starts_with("/oauth2/status-lists/")
}

/// Returns whether the path is for reverse proxies, which may forward the method and headers of the original request. A
/// success response to such a preflight would tell the proxy that the client is signed in.
fn is_for_proxies(path: &str) -> bool {
    path.strip_prefix("/api/auth/forward")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_depends_on_the_page_and_on_what_it_was_refused() {
        let unlisted = Visitor::Unlisted {
            others_are_listed: true,
        };
        let listed = Visitor::Listed(HeaderValue::from_static("https://app.example"));
        let own = "https://auth.example";
        for (visitor, origin, is_same_origin, refused, answered) in [
            (
                &unlisted,
                "https://other.example",
                false,
                Some(Fault::Unlisted),
                Some(Fault::Unlisted),
            ),
            (&unlisted, "null", false, Some(Fault::NoOrigin), Some(Fault::NoOrigin)),
            (&unlisted, "https://other.example", true, Some(Fault::NotIssuer), None),
            (&unlisted, own, false, Some(Fault::OtherSite), None),
            (&listed, "https://app.example", false, Some(Fault::OtherSite), None),
            (
                &Visitor::SameOrigin,
                "https://other.example",
                false,
                Some(Fault::OtherPage),
                None,
            ),
            (&Visitor::Anyone, "https://other.example", false, None, None),
        ] {
            let page = Page {
                origin: HeaderValue::from_static(origin),
                is_same_origin,
            };
            let (code, other) = (Some(Code::OriginNotAllowed), Some(Code::LoginRequired));
            assert_eq!(visitor.fault(&page, code, own), refused, "{origin}");
            for code in [None, other] {
                assert_eq!(visitor.fault(&page, code, own), answered, "{origin}");
            }
        }
    }

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
        // All others are logged in time, including the operator's own page.
        assert_eq!(refused.note(b"new", at(3_660)), Word::Nothing);
        assert_eq!(refused.note(b"new", at(3_661)), Word::Others(4_902));
        assert!(refused.0.lock().unwrap().at.len() <= MAX_NAMED);
        // After an hour, origins are logged again.
        assert_eq!(refused.note(b"new", at(7_300)), Word::Named);
        assert_eq!(named(5_000, at(7_300)).len(), MAX_NAMED);
        assert!(refused.0.lock().unwrap().at.len() <= MAX_NAMED);
    }
}
