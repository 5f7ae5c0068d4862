//! Errors as clients see them (RFC 9457), and the list of all codes.
//!
//! A problem has two texts: one for the client, and its cause, for the log only.

mod answer;
mod conversions;

use http::StatusCode;
use serde::{Serialize, Serializer};

pub use self::answer::{FieldError, Problem, ProblemBody, Shown};

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
    /// The browser is not signed in, or its session has ended. Sign in again, with `"session": "cookie"` or on the sign-in
    /// page of this server.
    LoginRequired = "login_required", UNAUTHORIZED, "Sign-in required";
    /// The token lacks the scope that the route requires.
    InsufficientScope = "insufficient_scope", FORBIDDEN, "Insufficient scope";
    /// Sign-ups are closed on this server.
    SignupClosed = "signup_closed", FORBIDDEN, "Sign-ups closed";
    /// The form was not submitted from a page of this server. Reload the page and submit the form again.
    ForeignForm = "foreign_form", FORBIDDEN, "Form rejected";
    /// Pages on this origin may not call the API, or may not call it with the session cookie. Operators allow origins
    /// with the setting `app_origins`.
    OriginNotAllowed = "origin_not_allowed", FORBIDDEN, "Origin not allowed";
    /// The browser could not be signed in to an application: it does not accept cookies, or took too long. Open the
/// application again.
    HandoffFailed = "handoff_failed", BAD_REQUEST, "Sign-in interrupted";
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
    /// The password has appeared in data breaches, so attackers try it first. Choose another one.
    PasswordBreached = "password_breached", UNPROCESSABLE_ENTITY, "Password too common";
    /// The password is too similar to the account's email address or the name of this service. Choose another one.
    PasswordContainsContext = "password_contains_context", UNPROCESSABLE_ENTITY, "Password too easy to guess";
    /// A required field is missing.
    Missing = "missing", UNPROCESSABLE_ENTITY, "Missing value";
    /// The route does not support this field. `detail` names the most similar one that it supports.
    UnknownField = "unknown_field", UNPROCESSABLE_ENTITY, "Unknown field";
    /// A value has the wrong type or format.
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "Invalid value";
    /// Too many requests. Wait for the number of seconds in `Retry-After`, then try again.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    /// The request headers are too large. Clear the cookies of this site, or send fewer headers.
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "Headers too large";
    /// An unexpected error occurred on the server. The server log has the cause under the same request ID.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal error";
    /// Too many passwords are waiting to be checked, or there are too many connections or concurrent requests from this
    /// client. Try again after the number of seconds in `Retry-After`.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Overloaded";
    /// The database cannot be reached, or the server is not ready. Try again after the number of seconds in `Retry-After`.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Unavailable";
    /// A parameter is missing, malformed or repeated, or the request is not a form (RFC 6749 section 5.2).
    InvalidRequest = "invalid_request", BAD_REQUEST, "Invalid request";
    /// The client is unknown or disabled, or failed to authenticate: its secret is wrong or missing, or was sent in two ways
    /// (RFC 6749 section 5.2).
    InvalidClient = "invalid_client", UNAUTHORIZED, "Invalid client";
    /// The authorization code, refresh token or device code is unknown, expired, used or revoked, or belongs to another
    /// client; or the redirect URI or the code verifier does not match the authorization request (RFC 6749 section 5.2).
    InvalidGrant = "invalid_grant", BAD_REQUEST, "Invalid grant";
    /// The client may not use this grant type or this endpoint (RFC 6749 section 5.2).
    UnauthorizedClient = "unauthorized_client", BAD_REQUEST, "Unauthorized client";
    /// The server does not support this grant type (RFC 6749 section 5.2).
    UnsupportedGrantType = "unsupported_grant_type", BAD_REQUEST, "Unsupported grant type";
    /// The scope is malformed, or includes a scope that was not granted or that the client may not request (RFC 6749
    /// section 5.2).
    InvalidScope = "invalid_scope", BAD_REQUEST, "Invalid scope";
    /// The resource is not a registered API, the client may not use it, or it was not granted; or `resource` is required
    /// but missing (RFC 8707 section 2).
    InvalidTarget = "invalid_target", BAD_REQUEST, "Invalid target";
    /// The user has not decided yet. Poll again after the interval (RFC 8628 section 3.5).
    AuthorizationPending = "authorization_pending", BAD_REQUEST, "Authorization pending";
    /// The device polls too often. Add 5 seconds to the interval (RFC 8628 section 3.5).
    SlowDown = "slow_down", BAD_REQUEST, "Slow down";
    /// The user refused, or can no longer sign in (RFC 8628 section 3.5).
    AccessDenied = "access_denied", BAD_REQUEST, "Access denied";
    /// The device code has expired. Start again (RFC 8628 section 3.5).
    ExpiredToken = "expired_token", BAD_REQUEST, "Expired device code";
}

impl Code {
    /// Whether it is a value of `error` that OAuth defines (RFC 6749 §5.2, RFC 6750 §3.1, RFC 8628 §3.5, RFC 8707 §2).
    pub fn is_of_oauth(self) -> bool {
        matches!(
            self,
            Self::InvalidRequest
                | Self::InvalidClient
                | Self::InvalidGrant
                | Self::UnauthorizedClient
                | Self::UnsupportedGrantType
                | Self::InvalidScope
                | Self::InvalidTarget
                | Self::AuthorizationPending
                | Self::SlowDown
                | Self::AccessDenied
                | Self::ExpiredToken
                | Self::InvalidToken
                | Self::InsufficientScope
        )
    }

    /// The message of `locales/` that tells a person about it on a page. A new code needs its own, or a reason to
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
            Self::HandoffFailed => "error-handoff",
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
            | Self::LoginRequired
            | Self::InsufficientScope
            | Self::OriginNotAllowed
            | Self::InvalidRequest
            | Self::InvalidClient
            | Self::InvalidGrant
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::InvalidScope
            | Self::InvalidTarget
            | Self::AuthorizationPending
            | Self::SlowDown
            | Self::AccessDenied
            | Self::ExpiredToken
            | Self::Internal => "error-internal",
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A problem document, as `docs/errors.md` shows it.
const EXAMPLE: &str = r#"```json
{
  "type": "https://auth.example.com/errors#validation_failed",
  "title": "Validation failed",
  "status": 422,
  "detail": "One or more values are missing or invalid; `errors` lists each of them with its own code.",
  "code": "validation_failed",
  "request_id": "4c172b9deb6ffab295c13c90ecfe4b66",
  "errors": [
    { "field": "email", "code": "invalid_email", "detail": "This is not a valid email address. It should look like ada@example.com." },
    { "field": "password", "code": "password_too_short", "detail": "The password must have at least 8 characters." }
  ]
}
```
"#;

/// The section of `docs/errors.md` about the OAuth endpoints.
const OAUTH: &str = "
## OAuth endpoints

Errors from the endpoints for programs under `/oauth2/` are JSON as defined in RFC 6749 section 5.2, with the code in `error`:

```json
{
  \"error\": \"invalid_grant\",
  \"error_description\": \"The authorization code has expired.\"
}
```

Besides the codes in this table, `error` can be `temporarily_unavailable` with status 429 or 503 (wait for the number of seconds in
`Retry-After`), `server_error` with status 500, and `invalid_request` for every other error. The log has the more specific code.

| error | status | meaning |
|---|---|---|
";

/// `docs/errors.md`: every code, what it means and what to do.
pub fn reference() -> String {
    let mut text = String::from(
        "# Error codes\n\n\
         Generated by `countersign errors`; do not edit.\n\n\
         Errors are problem documents (RFC 9457, `application/problem+json`) with a stable `code` for programs and a `detail`\n\
         for people, whose wording may change. The OAuth endpoints have [their own format](#oauth-endpoints).\n\n",
    );
    text.push_str(EXAMPLE);
    text.push_str(
        "\nInvalid values return status 422, and `errors` lists each invalid field with its own code. If only one\n\
         field is invalid, `code` is that field's code. If several fields are, or if the only code is `missing` or `invalid`,\n\
         `code` is `validation_failed`.\n\n\
         | code | status | meaning |\n|---|---|---|\n",
    );
    let is_of_oauth_alone =
        |code: &Code| code.is_of_oauth() && !matches!(code, Code::InvalidToken | Code::InsufficientScope);
    let row = |code: &Code| {
        format!(
            "| `{}` | {} | {} |\n",
            code.name(),
            code.status().as_u16(),
            code.meaning()
        )
    };
    text.extend(Code::ALL.iter().filter(|code| !is_of_oauth_alone(code)).map(row));
    text.push_str(
        "\nIf a request has a valid bearer token but a wrong password (when changing the password, for example), the error is\n\
         `invalid_credentials` with status 403, because another token would not help.\n",
    );
    text.push_str(OAUTH);
    text.extend(Code::ALL.iter().filter(|code| is_of_oauth_alone(code)).map(row));
    text
}
