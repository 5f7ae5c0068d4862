//! A complete response: status, headers, body.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

/// A response of the server.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text; invalid UTF-8 is replaced.
    pub text: String,
    /// The body's bytes.
    pub bytes: Bytes,
}

impl Answer {
    /// Returns the body as JSON; `null` if it is empty.
    pub fn json(&self) -> Value {
        if self.text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text))
    }

    /// Returns a header's value, or an empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap_or("<not ASCII>"))
    }

    /// Returns the `code` of a problem, or an empty string.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Panics unless the status is this one; returns the response.
    #[track_caller]
    pub fn assert_status(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// Panics unless it is a problem with this status and code, in the documented form.
    #[track_caller]
    pub fn assert_problem(self, status: u16, code: &str) -> Self {
        assert_eq!(
            (self.status.as_u16(), self.code().as_str()),
            (status, code),
            "{}",
            self.text
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!(body["status"], status);
        assert_eq!(body["request_id"].as_str(), Some(self.header("x-request-id")));
        assert!(
            body["type"]
                .as_str()
                .is_some_and(|kind| kind.ends_with(&format!("/errors#{code}"))),
            "{body}"
        );
        self
    }

    /// Panics unless it is an error of an OAuth endpoint for programs with this status and `error`, as RFC 6749 §5.2 defines
    /// it.
    #[track_caller]
    pub fn assert_oauth_error(self, status: u16, error: &str) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/json", "{}", self.text);
        assert_eq!(self.header("cache-control"), "no-store");
        let body = self.json();
        assert_eq!(body["error"], error, "{body}");
        assert_eq!(body.as_object().map(serde_json::Map::len), Some(2), "{body}");
        let description = body["error_description"].as_str().unwrap_or_default();
        let allowed = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
        assert!(!description.is_empty() && description.chars().all(allowed), "{body}");
        if error == "invalid_client" {
            assert!(self.header("www-authenticate").starts_with("Basic realm="));
        }
        self
    }
}
