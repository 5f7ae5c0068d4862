//! Security headers of all responses (ASVS 3.4, 14.3.2).

use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::cors::{Visitor, for_anyone};
use crate::core::request_id::{RequestId, X_REQUEST_ID};

/// Default headers. Pages set their own policy; public documents can be cached and read from every origin.
const DEFAULTS: [(HeaderName, HeaderValue); 7] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Two years, including subdomains (RFC 6797 §6.1). Omitted over plain http, where browsers ignore it (§7.2).
const TLS_ONLY: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// The default headers of responses, built once and copied.
pub(super) struct Headers {
    usual: HeaderMap,
    /// The headers of responses that every origin may read.
    public: HeaderMap,
}

/// Slots reserved in the copy for headers that most responses set themselves; growing the map would cost as much as
/// copying it.
const PLACES: [HeaderName; 2] = [CONTENT_TYPE, CONTENT_LENGTH];

impl Headers {
    pub(super) fn new(https: bool) -> Self {
        let tls = https.then_some((STRICT_TRANSPORT_SECURITY, TLS_ONLY));
        let places = [X_REQUEST_ID].into_iter().chain(PLACES);
        let places = places.map(|name| (name, HeaderValue::from_static("")));
        let usual: HeaderMap = DEFAULTS.into_iter().chain(tls).chain(places).collect();
        let mut public = usual.clone();
        for (name, value) in for_anyone() {
            public.insert(name, value);
        }
        Self { usual, public }
    }

    /// Adds the headers that the response does not set itself, and the request ID.
    pub(super) fn protect(&self, response: &mut Response, visitor: &Visitor, id: &RequestId) {
        let ready = match visitor {
            Visitor::Anyone | Visitor::Script(_) => &self.public,
            Visitor::Listed(_) | Visitor::Unlisted { .. } | Visitor::SameOrigin => &self.usual,
        };
        let own = std::mem::replace(response.headers_mut(), ready.clone());
        let headers = response.headers_mut();
        for name in PLACES {
            if !own.contains_key(&name) {
                headers.remove(name);
            }
        }
        headers.extend(own);
        visitor.admit(headers);
        headers.insert(X_REQUEST_ID, id.header());
    }
}
