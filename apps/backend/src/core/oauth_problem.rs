//! Errors of the OAuth endpoints for programs (RFC 6749 §5.2): JSON with `error` and `error_description`, never a page,
//! never cached. They are problems with another rendering, so the log line of the request has their code and cause.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use countersign_oauth::{ErrorCode, OauthError};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::problem::{Code, Problem, Shown};

/// The endpoints for programs. All their errors, including those of the layers around them, have this form.
const ENDPOINTS: [&str; 5] = [
    "/oauth2/token",
    "/oauth2/revoke",
    "/oauth2/introspect",
    "/oauth2/device_authorization",
    "/oauth2/userinfo",
];

/// RFC 6749 §5.2: the response to a client that failed to authenticate names the scheme (RFC 7617 §2).
const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"OAuth clients\", charset=\"UTF-8\"");

/// An error of an OAuth endpoint for programs.
#[derive(Clone, Debug)]
pub struct OauthProblem(Problem);

/// An error of an OAuth endpoint (RFC 6749 §5.2).
#[derive(Serialize, ToSchema)]
#[schema(as = OauthError)]
pub struct OauthErrorBody<'a> {
    /// A stable code, for programs.
    error: &'a str,
    /// What happened, and what to do about it. For people; the text may change.
    error_description: Cow<'a, str>,
}

impl OauthProblem {
    /// An error with its own description. It never repeats what the client sent.
    pub fn described(code: Code, description: impl Into<Cow<'static, str>>) -> Self {
        Self(Problem::new(code).detail(description))
    }

    /// Returns whether the errors of this path have this form.
    pub fn is_form_of(path: &str) -> bool {
        ENDPOINTS.contains(&path)
    }
}

impl<E: Into<Problem>> From<E> for OauthProblem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<OauthError> for Problem {
    /// Errors that only the authorization endpoint has are invalid requests here.
    fn from(error: OauthError) -> Self {
        let code = match error.code() {
            ErrorCode::InvalidClient => Code::InvalidClient,
            ErrorCode::InvalidGrant => Code::InvalidGrant,
            ErrorCode::UnauthorizedClient => Code::UnauthorizedClient,
            ErrorCode::UnsupportedGrantType => Code::UnsupportedGrantType,
            ErrorCode::InvalidScope => Code::InvalidScope,
            ErrorCode::InvalidTarget => Code::InvalidTarget,
            ErrorCode::AuthorizationPending => Code::AuthorizationPending,
            ErrorCode::SlowDown => Code::SlowDown,
            ErrorCode::AccessDenied => Code::AccessDenied,
            ErrorCode::ExpiredToken => Code::ExpiredToken,
            ErrorCode::InvalidToken => Code::InvalidToken,
            ErrorCode::InsufficientScope => Code::InsufficientScope,
            ErrorCode::ServerError => Code::Internal,
            ErrorCode::TemporarilyUnavailable => Code::Unavailable,
            _ => Code::InvalidRequest,
        };
        Self::new(code).detail(error.description().to_owned())
    }
}

impl IntoResponse for OauthProblem {
    /// The problem travels in the extension [`Shown`], so that it is logged once and not rendered again.
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let body = OauthErrorBody {
            error: wire_name(problem.code()),
            error_description: printable(problem.description()),
        };
        let text = serde_json::to_vec(&body).unwrap_or_default();
        // RFC 6749 §5.1 also asks for `Pragma`.
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (PRAGMA, HeaderValue::from_static("no-cache")),
        ];
        let mut response = (problem.http_status(), headers, text).into_response();
        if problem.http_status() == StatusCode::UNAUTHORIZED && problem.code() == Code::InvalidClient {
            response.headers_mut().insert(WWW_AUTHENTICATE, BASIC);
        }
        response.headers_mut().extend(problem.headers().clone());
        response.extensions_mut().insert(Shown(problem));
        response
    }
}

impl IntoResponses for OauthProblem {
    /// In the OpenAPI document, stands for every error. `documented` replaces it by the statuses and their codes.
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let body = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("OauthError")))
            .build();
        let refused = ResponseBuilder::new()
            .description("The request failed")
            .content("application/json", body)
            .build();
        BTreeMap::from([("default".to_owned(), refused.into())])
    }
}

/// Returns the value of `error`: the code itself if a specification defines it, otherwise the closest one that does.
pub fn wire_name(code: Code) -> &'static str {
    match code {
        code if code.is_of_oauth() => code.name(),
        // The names of the authorization endpoint (RFC 6749 §4.1.2.1); §5.2 has none for these statuses.
        Code::RateLimited | Code::Overloaded | Code::Unavailable => "temporarily_unavailable",
        Code::Internal => "server_error",
        _ => "invalid_request",
    }
}

/// RFC 6749 §5.2 allows printable ASCII without `"` and `\`.
fn printable(text: &str) -> Cow<'_, str> {
    let is_allowed = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    if text.chars().all(is_allowed) {
        return Cow::Borrowed(text);
    }
    let replaced = text.chars().map(|c| match c {
        '"' => '\'',
        c if is_allowed(c) => c,
        _ => '?',
    });
    Cow::Owned(replaced.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_45_descriptions_have_only_the_characters_of_rfc_6749() {
        for code in Code::ALL {
            let description = printable(code.meaning()).into_owned();
            let allowed = |c: char| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
            assert!(description.chars().all(allowed), "{description}");
            if code.is_of_oauth() {
                assert_eq!(description, code.meaning(), "a description without replaced characters");
            }
        }
        assert_eq!(printable("a \"b\" \\ …\n"), "a 'b' ? ??");
    }

    #[test]
    fn the_error_is_always_one_that_a_specification_defines() {
        let defined = [
            "access_denied",
            "authorization_pending",
            "expired_token",
            "insufficient_scope",
            "invalid_client",
            "invalid_grant",
            "invalid_request",
            "invalid_scope",
            "invalid_target",
            "invalid_token",
            "server_error",
            "slow_down",
            "temporarily_unavailable",
            "unauthorized_client",
            "unsupported_grant_type",
        ];
        for code in Code::ALL {
            assert!(defined.contains(&wire_name(*code)), "{}", code.name());
        }
    }
}
