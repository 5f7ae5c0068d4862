//! The headers that make browsers careful, on every answer (ASVS 3.4, 14.3.2).

use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What an answer carries unless it says something else itself: pages set a policy of their own, public documents may
/// be cached and read by every origin.
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

/// Two years, and the hosts below: RFC 6797 §6.1. Over plain http browsers ignore it (§7.2), so it is left out.
const TLS_ONLY: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// The headers of every answer, ready to be copied.
pub(super) struct Headers(HeaderMap);

impl Headers {
    pub(super) fn new(https: bool) -> Self {
        let tls = https.then_some((STRICT_TRANSPORT_SECURITY, TLS_ONLY));
        Self(DEFAULTS.into_iter().chain(tls).collect())
    }

    /// Adds what the answer does not say itself.
    pub(super) fn protect(&self, response: &mut Response) {
        let own = std::mem::replace(response.headers_mut(), self.0.clone());
        response.headers_mut().extend(own);
    }
}
