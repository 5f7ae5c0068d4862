//! Errors as clients see them (RFC 9457), and the list of all codes.
//!
//! A problem has two texts: one for the client, and its cause, for the log only.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use countersign_guard::{Denied, Reason};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Serialize, Serializer};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::email::InvalidEmail;
use super::limits::Exceeded;
use super::password::{HashError, PasswordFault};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $status:ident, $title:literal;)+) => {
        /// All problem codes. Once released, a code keeps its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// All codes, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, for programs.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// Its HTTP status.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }

            /// A short title, the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// What it means and what to do about it.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii_start(),)+ }
            }
        }
    };
}

codes! {
    /// The body is not valid for its Content-Type: the JSON or the form cannot be parsed.
    MalformedBody = "malformed_body", BAD_REQUEST, "Malformed body";
    /// The request is not valid HTTP.
    BadRequest = "bad_request", BAD_REQUEST, "Bad request";
    /// The route requires a bearer token, and the request has none. Sign in and send `Authorization: Bearer …`.
    MissingToken = "missing_token", UNAUTHORIZED, "Missing token";
    /// The bearer token is malformed, expired, revoked, or issued for another service. Refresh it or sign in again.
    InvalidToken = "invalid_token", UNAUTHORIZED, "Invalid token";
    /// The email address or the password is wrong.
    InvalidCredentials = "invalid_credentials", UNAUTHORIZED, "Invalid credentials";
    /// The emailed link or code is wrong, has expired, was already used, or was replaced by a newer email or by a change of
    /// the account's password, email address or sessions. A code also requires the `handle` of the request it was sent for.
    /// Request a new one.
    InvalidAnswer = "invalid_code", BAD_REQUEST, "Invalid link or code";
    /// The password is correct, but the email address is not verified, and this server requires that. Follow the link in the
    /// verification email, or request a new one.
    EmailNotVerified = "email_not_verified", FORBIDDEN, "Email address not verified";
    /// The refresh token is unknown, expired, already used, or revoked. Sign in again.
    InvalidRefreshToken = "invalid_refresh_token", UNAUTHORIZED, "Invalid refresh token";
    /// The token lacks the scope that the route requires.
    InsufficientScope = "insufficient_scope", FORBIDDEN, "Insufficient scope";
    /// Sign-ups are closed on this server.
    SignupClosed = "signup_closed", FORBIDDEN, "Sign-ups closed";
    /// The form was not submitted from a page of this server. Reload the page and submit the form again.
    ForeignForm = "foreign_form", FORBIDDEN, "Form rejected";
    /// Scripts of this origin may not call the API. Operators allow origins with the setting `cors_origins`.
    OriginNotAllowed = "origin_not_allowed", FORBIDDEN, "Origin not allowed";
    /// The resource does not exist, or does not belong to you.
    NotFound = "not_found", NOT_FOUND, "Not found";
    /// The resource does not support this method; the `Allow` header lists the methods that it supports.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    /// The client took too long to send the request.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "Request timeout";
    /// The link is valid, but it only proves access to the mailbox, not that the same person signed up or set the password.
    /// Send the account's `password` too, or `new_password` to replace it and end all sessions. The link stays valid.
    PasswordRequired = "password_required", FORBIDDEN, "Password required";
    /// An account with this email address already exists.
    EmailTaken = "email_taken", CONFLICT, "Email address taken";
    /// The account already has this email address, possibly in another spelling.
    SameEmail = "same_email", CONFLICT, "Email address unchanged";
    /// The body exceeds 64 KiB.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "Body too large";
    /// The route does not support this Content-Type or Content-Encoding.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type";
    /// One or more values are missing or invalid; `errors` lists each of them with its own code.
    ValidationFailed = "validation_failed", UNPROCESSABLE_ENTITY, "Validation failed";
    /// The value is not a valid email address.
    InvalidEmail = "invalid_email", UNPROCESSABLE_ENTITY, "Invalid email address";
    /// The password is shorter than `passwords.min_length` characters.
    PasswordTooShort = "password_too_short", UNPROCESSABLE_ENTITY, "Password too short";
    /// The password is longer than `passwords.max_length` characters.
    PasswordTooLong = "password_too_long", UNPROCESSABLE_ENTITY, "Password too long";
    /// The password is known from data breaches, so attackers try it first. Choose another one.
    PasswordBreached = "password_breached", UNPROCESSABLE_ENTITY, "Password too common";
    /// The password is too similar to the account's email address or the name of this service. Choose another one.
    PasswordContainsContext = "password_contains_context", UNPROCESSABLE_ENTITY, "Password too easy to guess";
    /// A required field is missing.
    Missing = "missing", UNPROCESSABLE_ENTITY, "Missing value";
    /// The route does not support this field. Check its spelling.
    UnknownField = "unknown_field", UNPROCESSABLE_ENTITY, "Unknown field";
    /// A value has the wrong type or format.
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "Invalid value";
    /// Too many requests. Wait for the number of seconds in `Retry-After`, then try again.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    /// The request headers are too large. Clear the cookies of this site, or send fewer headers.
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "Headers too large";
    /// An unexpected error occurred on the server. The server log has the cause under the same request ID.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal error";
    /// Too many passwords are waiting to be checked. Try again after the number of seconds in `Retry-After`.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Overloaded";
    /// The database cannot be reached, or the server is not ready. Try again after the number of seconds in `Retry-After`.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Unavailable";
}

impl Code {
    /// The message of `locales/` that tells a person about it on a page. A new code needs one of its own, or a reason to
    /// share one.
    pub fn message(self) -> &'static str {
        match self {
            Self::InvalidCredentials => "error-credentials",
            Self::EmailNotVerified => "error-not-verified",
            Self::EmailTaken => "error-email-taken",
            Self::SameEmail => "error-email-same",
            Self::PasswordRequired => "error-password-required",
            // The one text field of the pages that can be missing or malformed is the email address.
            Self::InvalidEmail | Self::Missing | Self::Invalid => "error-email",
            Self::PasswordTooShort => "error-password-short",
            Self::PasswordTooLong => "error-password-long",
            Self::PasswordBreached => "error-password-common",
            Self::PasswordContainsContext => "error-password-guessable",
            Self::InvalidAnswer => "error-code",
            Self::SignupClosed => "error-signup-closed",
            Self::RateLimited => "error-limited",
            Self::ForeignForm => "error-form",
            Self::NotFound => "error-not-found",
            Self::MethodNotAllowed => "error-method",
            Self::BodyTooLarge => "error-too-large",
            Self::HeadersTooLarge => "error-headers",
            Self::RequestTimeout => "error-timeout",
            // What a browser sends by itself, and not what a person typed.
            Self::MalformedBody
            | Self::BadRequest
            | Self::UnsupportedMediaType
            | Self::ValidationFailed
            | Self::UnknownField => "error-request",
            Self::Overloaded | Self::Unavailable => "error-unavailable",
            // No page takes a token, nor answers a script of another origin: where a person sees one of these, we are at fault.
            Self::MissingToken
            | Self::InvalidToken
            | Self::InvalidRefreshToken
            | Self::InsufficientScope
            | Self::OriginNotAllowed
            | Self::Internal => "error-internal",
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One answer that is not a success. Handlers return it; the outermost layer adds the request id and logs its cause.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    status: StatusCode,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    headers: HeaderMap,
    cause: Option<Arc<str>>,
}

/// A problem that a page has told already: it is still to be logged.
#[derive(Clone, Debug)]
pub struct Shown(pub Problem);

/// One invalid field of a request.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// The name of the field in the request.
    pub field: Cow<'static, str>,
    /// The code of the error.
    #[schema(value_type = String)]
    pub code: Code,
    /// What is wrong, and what is expected.
    pub detail: Cow<'static, str>,
}

/// A problem (RFC 9457 §3), `application/problem+json`.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// A URL that explains this code.
    #[schema(format = "uri-reference")]
    r#type: String,
    /// A short title, the same for every occurrence of the code.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened, and what to do about it. For people; it may change.
    detail: &'a str,
    /// A stable code, for programs.
    code: &'a str,
    /// The ID of the request, which is also in the server log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<&'a str>,
    /// The invalid fields, if there are any.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
}

impl Problem {
    /// A problem that is told as its code's documentation tells it.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            status: code.status(),
            detail: Cow::Borrowed(code.meaning()),
            errors: Vec::new(),
            headers: HeaderMap::new(),
            cause: None,
        }
    }

    /// Something broke on our side: the cause is for the log, the client sees only that it happened.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(Code::Internal).caused_by(cause)
    }

    /// Fields that are not right. There must be at least one.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(Code::ValidationFailed);
        if let [only] = errors.as_slice() {
            // One mistake is told as what it is, so that a client need not look into the list.
            problem.code = match only.code {
                Code::Missing | Code::Invalid => Code::ValidationFailed,
                code => code,
            };
            problem.detail = only.detail.clone();
        }
        problem.errors = errors;
        problem
    }

    /// The problem that a bare status stands for, as a library answered it.
    pub fn from_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
            StatusCode::UNPROCESSABLE_ENTITY => Code::ValidationFailed,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Code::HeadersTooLarge,
            StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
            status if status.is_server_error() => Code::Internal,
            _ => Code::BadRequest,
        };
        Self::new(code)
    }

    /// Another text for the client.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Another status than the code's own.
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// One more header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// `Retry-After` in seconds.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// A challenge (RFC 9110 §11.6.1) for a 401.
    pub fn challenge(self, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => self.header(WWW_AUTHENTICATE, value),
            Err(_) => self,
        }
    }

    /// What the log is to say about it. Never a secret.
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string().into());
        self
    }

    /// The cause, for the log.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The status.
    pub fn http_status(&self) -> StatusCode {
        self.status
    }

    /// The fields that are not right.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The headers that go with it.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The whole response. `issuer` is where the codes are explained.
    pub fn render(&self, issuer: &str, request_id: Option<&str>) -> Response {
        let body = ProblemBody {
            r#type: format!("{issuer}/errors#{}", self.code.name()),
            title: self.code.title(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code.name(),
            request_id,
            errors: &self.errors,
        };
        let text = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, [(CONTENT_TYPE, "application/problem+json")], text).into_response();
        response.headers_mut().extend(self.headers.clone());
        response
    }
}

impl FieldError {
    /// The same mistake in a field of another name.
    pub fn in_field(self, field: &'static str) -> Self {
        Self {
            field: Cow::Borrowed(field),
            ..self
        }
    }

    /// A field that is not right, with the text of its code.
    pub fn new(field: impl Into<Cow<'static, str>>, code: Code) -> Self {
        Self {
            field: field.into(),
            code,
            detail: Cow::Borrowed(code.meaning()),
        }
    }

    /// Another text for the client.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }
}

impl From<InvalidEmail> for FieldError {
    fn from(error: InvalidEmail) -> Self {
        Self::new("email", Code::InvalidEmail).detail(error.to_string())
    }
}

impl From<PasswordFault> for FieldError {
    fn from(fault: PasswordFault) -> Self {
        let code = match fault {
            PasswordFault::TooShort { .. } => Code::PasswordTooShort,
            PasswordFault::TooLong { .. } => Code::PasswordTooLong,
            PasswordFault::Breached => Code::PasswordBreached,
            PasswordFault::ContainsContext => Code::PasswordContainsContext,
        };
        Self::new("password", code).detail(fault.to_string())
    }
}

impl From<Denied> for Problem {
    /// What the guard says of a bearer token, in the words of RFC 6750.
    fn from(denied: Denied) -> Self {
        let code = match denied.reason {
            Reason::NoToken => Code::MissingToken,
            Reason::Malformed | Reason::Token(_) | Reason::Revoked | Reason::Status(_) => Code::InvalidToken,
            Reason::MissingScope(_) | Reason::UserRequired => Code::InsufficientScope,
            Reason::Unavailable => return Self::new(Code::Unavailable).retry_after(1),
            // `NoGuard`, and what later guards may add: nothing that a request did.
            _ => return Self::internal(denied.reason),
        };
        let problem = Self::new(code).detail(denied.reason.to_string());
        match denied.challenge() {
            Some(challenge) => problem.challenge(&challenge),
            None => problem,
        }
    }
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        exceeded
            .headers()
            .into_iter()
            .fold(Self::new(Code::RateLimited), |problem, (name, value)| {
                problem.header(name, value)
            })
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Overloaded { retry_after } => Self::new(Code::Overloaded).retry_after(retry_after.as_secs()),
            error => Self::internal(error),
        }
    }
}

impl IntoResponse for Problem {
    /// The problem itself travels in the extensions, for the layer that adds the request id.
    fn into_response(self) -> Response {
        let mut response = self.render("", None);
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponses for Problem {
    /// In the OpenAPI document: whatever is no success. `documented` puts each status, with its codes, in its place.
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let body = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("Problem")))
            .build();
        let refused = ResponseBuilder::new()
            .description("The request failed")
            .content("application/problem+json", body)
            .build();
        BTreeMap::from([("default".to_owned(), refused.into())])
    }
}

impl From<countersign_store::StoreError> for Problem {
    fn from(error: countersign_store::StoreError) -> Self {
        use countersign_store::StoreError;
        match error {
            StoreError::Unavailable(_) | StoreError::Conflict => {
                Self::new(Code::Unavailable).retry_after(1).caused_by(error)
            }
            error => Self::internal(error),
        }
    }
}

/// `docs/errors.md`: every code, what it means and what to do.
pub fn reference() -> String {
    let mut text = String::from(
        "# Error codes\n\n\
         Generated by `countersign errors`; do not edit.\n\n\
         Errors of `/api` are problem documents (RFC 9457, `application/problem+json`) with a stable `code` for\n\
         programs and a `detail` for people, whose wording may change.\n\n\
         | code | status | meaning |\n|---|---|---|\n",
    );
    for code in Code::ALL {
        text.push_str(&format!(
            "| `{}` | {} | {} |\n",
            code.name(),
            code.status().as_u16(),
            code.meaning()
        ));
    }
    text.push_str(
        "\nIf a request has a valid bearer token but a wrong password (when changing the password, for example), the error is\n\
         `invalid_credentials` with status 403, because another token would not help.\n",
    );
    text
}
