//! The error responses of each operation in the OpenAPI document: each status with its codes.
//!
//! One table next to the list of routes, because most codes come from layers and extractors shared by all routes. Client tests
//! check every response against the document.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::json;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, RefOr, Response};

use crate::core::oauth_problem::{OauthProblem, wire_name};
use crate::core::problem::Code::{self, *};

/// Error codes of any request, including one with an unexpected body.
const ALWAYS: &[Code] = &[
    BadRequest,
    BodyTooLarge,
    UnsupportedMediaType,
    HeadersTooLarge,
    Internal,
    Overloaded,
    Unavailable,
];
/// Error codes of requests with a body.
const OF_A_BODY: &[Code] = &[MalformedBody, RequestTimeout, ValidationFailed, UnknownField];
/// Error codes of requests with a bearer token.
const OF_A_TOKEN: &[Code] = &[MissingToken, InvalidToken];
/// Error codes of requests with a new password.
const OF_A_PASSWORD: &[Code] = &[
    PasswordTooShort,
    PasswordTooLong,
    PasswordBreached,
    PasswordContainsContext,
];

/// Error codes of individual operations.
const OWN: &[(&str, &[Code])] = &[
    (
        "POST /api/auth/register",
        &[InvalidEmail, SignupClosed, EmailTaken, OriginNotAllowed, RateLimited],
    ),
    (
        "POST /api/auth/login",
        &[InvalidCredentials, EmailNotVerified, OriginNotAllowed, RateLimited],
    ),
    ("POST /api/auth/login/email", &[InvalidEmail, RateLimited]),
    (
        "POST /api/auth/login/email/confirm",
        &[
            InvalidAnswer,
            InvalidCredentials,
            EmailNotVerified,
            OriginNotAllowed,
            RateLimited,
        ],
    ),
    ("POST /api/auth/logout", &[InvalidRefreshToken, OriginNotAllowed]),
    ("POST /api/auth/token", &[LoginRequired, OriginNotAllowed, RateLimited]),
    ("POST /api/auth/token", OF_A_BODY),
    ("POST /api/auth/refresh", &[InvalidRefreshToken, RateLimited]),
    ("POST /api/auth/change-password", &[InvalidCredentials, RateLimited]),
    ("GET /api/auth/me/export", &[RateLimited]),
    ("PATCH /api/auth/me", &[RateLimited]),
    ("DELETE /api/auth/me", &[InvalidCredentials, RateLimited]),
    ("POST /api/auth/verify-email", &[InvalidEmail, RateLimited]),
    (
        "POST /api/auth/verify-email/confirm",
        &[
            InvalidAnswer,
            PasswordRequired,
            InvalidCredentials,
            OriginNotAllowed,
            RateLimited,
        ],
    ),
    (
        "POST /api/auth/change-email",
        &[InvalidEmail, InvalidCredentials, SameEmail, RateLimited],
    ),
    (
        "POST /api/auth/change-email/confirm",
        &[InvalidAnswer, EmailTaken, RateLimited],
    ),
    ("POST /api/auth/recover", &[InvalidEmail, RateLimited]),
    ("POST /api/auth/recover/confirm", &[InvalidAnswer, RateLimited]),
    ("POST /api/auth/logout-all", OF_A_BODY),
    (
        "DELETE /api/auth/sessions/{id}",
        &[NotFound, MalformedBody, RequestTimeout, ValidationFailed, UnknownField],
    ),
    (
        "GET /api/auth/forward",
        &[InsufficientScope, OriginNotAllowed, ValidationFailed],
    ),
    (
        "POST /oauth2/device_authorization",
        &[
            InvalidRequest,
            InvalidClient,
            UnauthorizedClient,
            InvalidScope,
            InvalidTarget,
            NotFound,
            RateLimited,
        ],
    ),
    ("GET /oauth2/status-lists/{number}", &[NotFound]),
    (
        "GET /oauth2/userinfo",
        &[InvalidRequest, InsufficientScope, RateLimited],
    ),
    (
        "POST /oauth2/userinfo",
        &[InvalidRequest, InsufficientScope, RateLimited],
    ),
    (
        "POST /oauth2/token",
        &[
            InvalidRequest,
            InvalidClient,
            InvalidGrant,
            UnauthorizedClient,
            UnsupportedGrantType,
            InvalidScope,
            InvalidTarget,
            AuthorizationPending,
            SlowDown,
            AccessDenied,
            ExpiredToken,
            RateLimited,
        ],
    ),
    ("POST /oauth2/revoke", &[InvalidRequest, InvalidClient, RateLimited]),
    (
        "POST /oauth2/introspect",
        &[InvalidRequest, InvalidClient, UnauthorizedClient, RateLimited],
    ),
];

const NEW_PASSWORD: [&str; 4] = [
    "POST /api/auth/register",
    "POST /api/auth/verify-email/confirm",
    "POST /api/auth/change-password",
    "POST /api/auth/recover/confirm",
];

/// A wrong password with a valid bearer token or emailed link: 403, not 401.
const WITH_A_TOKEN: [&str; 4] = [
    "POST /api/auth/verify-email/confirm",
    "POST /api/auth/change-password",
    "DELETE /api/auth/me",
    "POST /api/auth/change-email",
];

/// The operation that takes the session cookie instead of a token.
const OF_A_COOKIE: &str = "POST /api/auth/token";

/// Replaces `default` with every status and its codes.
pub(crate) fn refusals(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let methods = [
            ("GET", &mut item.get),
            ("POST", &mut item.post),
            ("PUT", &mut item.put),
            ("PATCH", &mut item.patch),
            ("DELETE", &mut item.delete),
        ];
        for (method, operation) in methods {
            if let Some(operation) = operation {
                let render = match OauthProblem::is_form_of(path) {
                    true => oauth_response,
                    false => response,
                };
                describe(operation, &format!("{method} {path}"), render);
            }
        }
    }
}

fn describe(operation: &mut Operation, name: &str, render: fn(&[Code]) -> Response) {
    let mut statuses: BTreeMap<StatusCode, Vec<Code>> = BTreeMap::new();
    for code in codes(operation, name) {
        let with_a_token = code == InvalidCredentials && WITH_A_TOKEN.contains(&name);
        let status = if with_a_token {
            StatusCode::FORBIDDEN
        } else {
            code.status()
        };
        statuses.entry(status).or_default().push(code);
    }
    let responses = &mut operation.responses.responses;
    responses.remove("default");
    for (status, codes) in statuses {
        responses.insert(status.as_str().to_owned(), RefOr::T(render(&codes)));
    }
}

fn codes(operation: &Operation, name: &str) -> Vec<Code> {
    let groups = [
        (ALWAYS, true),
        (OF_A_BODY, operation.request_body.is_some()),
        (OF_A_TOKEN, operation.security.is_some() && name != OF_A_COOKIE),
        (OF_A_PASSWORD, NEW_PASSWORD.contains(&name)),
    ];
    let groups = groups.into_iter().filter_map(|(codes, holds)| holds.then_some(codes));
    let own = OWN
        .iter()
        .filter_map(|&(known, codes)| (known == name).then_some(codes));
    groups.chain(own).flatten().copied().collect()
}

fn response(codes: &[Code]) -> Response {
    let titles: Vec<_> = codes
        .iter()
        .map(|code| format!("`{}`: {}.", code.name(), code.title()))
        .collect();
    let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
    let schema = json!({ "allOf": [
        { "$ref": "#/components/schemas/Problem" },
        { "type": "object", "properties": { "code": { "type": "string", "enum": names } } },
    ]});
    serde_json::from_value(json!({
        "description": titles.join(" "),
        "content": { "application/problem+json": { "schema": schema } },
    }))
    .unwrap_or_default()
}

/// In the form of RFC 6749 §5.2.
fn oauth_response(codes: &[Code]) -> Response {
    let mut errors: Vec<_> = codes.iter().map(|code| wire_name(*code)).collect();
    errors.dedup();
    let described: Vec<_> = errors.iter().map(|error| format!("`{error}`.")).collect();
    let schema = json!({ "allOf": [
        { "$ref": "#/components/schemas/OauthError" },
        { "type": "object", "properties": { "error": { "type": "string", "enum": errors } } },
    ]});
    serde_json::from_value(json!({
        "description": described.join(" "),
        "content": { "application/json": { "schema": schema } },
    }))
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_tells_each_status_with_its_codes() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let mut names = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = format!("{} {path}", method.to_uppercase());
                let responses = operation["responses"].as_object().unwrap();
                assert!(!responses.contains_key("default"), "{name}");
                for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                    let (media_type, member) = match OauthProblem::is_form_of(path) {
                        true => ("application/json", "error"),
                        false => ("application/problem+json", "code"),
                    };
                    let schema = &response["content"][media_type]["schema"]["allOf"][1];
                    let codes = schema["properties"][member]["enum"].as_array().unwrap();
                    assert!(!codes.is_empty(), "{name} {status}");
                }
                names.push(name);
            }
        }
        for known in OWN
            .iter()
            .map(|(name, _)| *name)
            .chain(NEW_PASSWORD)
            .chain(WITH_A_TOKEN)
        {
            assert!(
                names.iter().any(|name| name == known),
                "{known} is not an operation (any more)"
            );
        }
    }
}
