//! The query of a proxy, and the response headers.

use std::collections::BTreeSet;

use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use countersign_guard::Scopes;
use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::cookies;
use crate::core::ids::AccountId;

const USER: HeaderName = HeaderName::from_static("x-auth-user");
const EMAIL: HeaderName = HeaderName::from_static("x-auth-email");
const SCOPE: HeaderName = HeaderName::from_static("x-auth-scope");

/// What a proxy requires.
pub struct Demand {
    scopes: BTreeSet<String>,
    /// The registered API that tokens must be for, instead of this server's own audience.
    pub audience: Option<String>,
    /// Whether browsers are accepted, and sent to the sign-in page.
    pub redirect: bool,
    /// Whether the proxy has already refused the request.
    pub denied: bool,
}

impl Demand {
    /// Reads a query that the client may have written: it can require more scopes, and do nothing else.
    pub fn of_client(query: &str) -> Self {
        Self {
            audience: None,
            redirect: false,
            denied: false,
            ..Self::of_proxy(query)
        }
    }

    /// Reads a query that the proxy has written. Every `scope` is collected. Invalid ones are kept: no token has them, so the
    /// request is rejected.
    pub fn of_proxy(query: &str) -> Self {
        let mut demand = Self {
            scopes: BTreeSet::new(),
            audience: None,
            redirect: false,
            denied: false,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "scope" => demand
                    .scopes
                    .extend(value.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned)),
                // Of several, none is chosen: an identifier has no spaces.
                "audience" => {
                    demand.audience = Some(match demand.audience.take() {
                        Some(first) => format!("{first} {value}"),
                        None => value.into_owned(),
                    });
                }
                "redirect" => demand.redirect |= value == "1",
                "denied" => demand.denied |= value == "1",
                _ => {}
            }
        }
        demand
    }

    /// Returns whether the client's own URL, as the proxy describes it, has the same audience. Then the proxy may have appended
    /// the client's query to its own.
    pub fn may_have_audience_of_client(&self, headers: &HeaderMap) -> bool {
        let Some(audience) = &self.audience else { return false };
        headers.get_all("x-forwarded-uri").iter().any(|uri| {
            let uri = String::from_utf8_lossy(uri.as_bytes());
            let query = uri.split_once('?').map_or("", |(_, query)| query);
            Self::of_proxy(query).audience.as_ref() == Some(audience)
        })
    }

    /// Returns the scopes missing from `granted`, separated by spaces, if any.
    pub fn missing_from(&self, granted: &Scopes) -> Option<String> {
        let missing: Vec<&str> = self
            .scopes
            .iter()
            .map(String::as_str)
            .filter(|scope| !granted.contains(scope))
            .collect();
        (!missing.is_empty()).then(|| missing.join(" "))
    }
}

/// The three headers. All are always present, so that a proxy that copies them overwrites those of a client.
pub struct IdentityHeaders([(HeaderName, HeaderValue); 3]);

impl IdentityHeaders {
    /// Returns the headers of a user.
    pub fn of(account: AccountId, email: &str, scopes: &Scopes) -> Self {
        Self([
            (USER, header_value(&account.to_string())),
            (EMAIL, header_value(email)),
            (SCOPE, header_value(&scopes.to_string())),
        ])
    }

    /// Returns empty headers.
    pub fn empty() -> Self {
        Self([USER, EMAIL, SCOPE].map(|name| (name, HeaderValue::from_static(""))))
    }
}

impl IntoResponseParts for IdentityHeaders {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Self::Error> {
        response.headers_mut().extend(self.0);
        Ok(response)
    }
}

impl IntoResponse for IdentityHeaders {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

/// The cookies that an application may see. Always present, so that a proxy that copies it overwrites the client's.
pub struct OtherCookies(HeaderValue);

impl OtherCookies {
    /// Returns the cookies of a request without those of this server.
    pub fn of(headers: &HeaderMap) -> Self {
        Self(cookies::others(headers))
    }
}

impl IntoResponseParts for OtherCookies {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Self::Error> {
        response.headers_mut().insert(COOKIE, self.0);
        Ok(response)
    }
}

/// The bytes to encode: all except printable ASCII, and `%`. Otherwise an email address spelled `%C3%A9…` would look like one
/// that begins with `é`.
const ENCODED: AsciiSet = CONTROLS.add(b'%');

/// Percent-encodes (RFC 3986 §2.1) text for a header.
fn header_value(text: &str) -> HeaderValue {
    let encoded = utf8_percent_encode(text, &ENCODED).to_string();
    HeaderValue::try_from(encoded).expect("only printable ASCII is left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_header_and_no_two_the_same() {
        for (text, value) in [
            ("", ""),
            ("Ada.b+c@example.com", "Ada.b+c@example.com"),
            ("a b:c", "a b:c"),
            ("\u{e9}va@b\u{fc}cher.example", "%C3%A9va@b%C3%BCcher.example"),
            ("%C3%A9va@example.com", "%25C3%25A9va@example.com"),
            ("a\r\nX-Auth-User: b\0\u{7f}", "a%0D%0AX-Auth-User: b%00%7F"),
        ] {
            assert_eq!(header_value(text), value, "{text:?}");
        }
    }

    #[test]
    fn every_scope_of_the_query_is_demanded() {
        let missing = |query: &str| Demand::of_proxy(query).missing_from(&"a b:read".parse().unwrap());
        for query in [
            "",
            "scope",
            "scope=",
            "scope=+",
            "scope=a",
            "scope=a+b%3Aread",
            "scope=b:read&x&scope=a%20a",
            "other=c",
        ] {
            assert_eq!(missing(query), None, "{query:?}");
        }
        assert_eq!(missing("scope=c+a&scope=b").as_deref(), Some("b c"));
        assert_eq!(missing("scope=A").as_deref(), Some("A"));
        assert_eq!(missing("scope=%ff").as_deref(), Some("\u{fffd}"));
        for (query, redirect) in [("redirect=1", true), ("redirect=0&redirect=1", true), ("", false)] {
            assert_eq!(Demand::of_proxy(query).redirect, redirect, "{query:?}");
        }
        for query in [
            "redirect",
            "redirect=",
            "redirect=true",
            "redirect=2",
            "Redirect=1",
            "x=redirect=1",
        ] {
            assert!(!Demand::of_proxy(query).redirect, "{query:?}");
        }
    }
}
