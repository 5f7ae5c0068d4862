//! Errors on the wire (RFC 6749 §4.1.2.1, §5.2; OpenID Connect Core §3.1.2.6; RFC 6750 §3.1; RFC 8628 §3.5; RFC 8707 §2).

use std::borrow::Cow;

use serde::{Serialize, Serializer};

/// An error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// A parameter is missing, invalid or doubled (RFC 6749).
    InvalidRequest,
    /// The client is unknown or not authenticated (RFC 6749 §5.2).
    InvalidClient,
    /// The code, refresh token or device code is invalid, or belongs to another client (RFC 6749 §5.2).
    InvalidGrant,
    /// The client may not use this grant (RFC 6749).
    UnauthorizedClient,
    /// The grant is not supported (RFC 6749 §5.2).
    UnsupportedGrantType,
    /// The response type is not supported (RFC 6749 §4.1.2.1).
    UnsupportedResponseType,
    /// The scope is invalid or not allowed (RFC 6749).
    InvalidScope,
    /// The user or the server refused (RFC 6749 §4.1.2.1).
    AccessDenied,
    /// The server failed (RFC 6749 §4.1.2.1).
    ServerError,
    /// The server is overloaded (RFC 6749 §4.1.2.1).
    TemporarilyUnavailable,
    /// The resource is unknown or not allowed (RFC 8707 §2).
    InvalidTarget,
    /// The user must sign in, and no page may be shown (OpenID Connect Core §3.1.2.6).
    LoginRequired,
    /// The user must consent, and no page may be shown (OpenID Connect Core §3.1.2.6).
    ConsentRequired,
    /// The user must do something else, and no page may be shown (OpenID Connect Core §3.1.2.6).
    InteractionRequired,
    /// The user must choose an account, and no page may be shown (OpenID Connect Core §3.1.2.6).
    AccountSelectionRequired,
    /// `request` is not supported (OpenID Connect Core §3.1.2.6).
    RequestNotSupported,
    /// `request_uri` is not supported (OpenID Connect Core §3.1.2.6).
    RequestUriNotSupported,
    /// `registration` is not supported (OpenID Connect Core §3.1.2.6).
    RegistrationNotSupported,
    /// The required `acr` cannot be reached (OpenID Connect Core Error Code `unmet_authentication_requirements`).
    UnmetAuthenticationRequirements,
    /// The user has not decided yet (RFC 8628 §3.5).
    AuthorizationPending,
    /// The device polls too often (RFC 8628 §3.5).
    SlowDown,
    /// The device code has expired (RFC 8628 §3.5).
    ExpiredToken,
    /// The access token is invalid (RFC 6750 §3.1).
    InvalidToken,
    /// The access token lacks a scope (RFC 6750 §3.1).
    InsufficientScope,
    /// This type of token cannot be revoked (RFC 7009 §2.2.1).
    UnsupportedTokenType,
}

impl ErrorCode {
    /// Returns the code on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidTarget => "invalid_target",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::UnsupportedTokenType => "unsupported_token_type",
        }
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// An error for a client: a code, and a sentence for its developer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}: {description}", .code.as_str())]
pub struct OauthError {
    #[serde(rename = "error")]
    code: ErrorCode,
    #[serde(rename = "error_description")]
    description: Cow<'static, str>,
}

impl OauthError {
    /// Creates an error. Characters of the description that RFC 6749 §5.2 does not allow are replaced: quotation marks and
    /// backslashes by `'`, others by `?`. The description should repeat nothing that the caller sent.
    pub fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        let description = description.into();
        let is_allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
        let description = match description.chars().all(is_allowed) {
            true => description,
            false => Cow::Owned(
                description
                    .chars()
                    .map(|c| match c {
                        '"' | '\\' => '\'',
                        c if is_allowed(c) => c,
                        _ => '?',
                    })
                    .collect(),
            ),
        };
        Self { code, description }
    }

    /// Returns the code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// Returns the description, in the characters of RFC 6749 §5.2.
    pub fn description(&self) -> &str {
        &self.description
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ErrorCode, OauthError};

    #[test]
    fn an_error_is_written_as_rfc_6749_says() {
        let error = OauthError::new(ErrorCode::InvalidRequest, "The parameter state was sent twice.");
        assert_eq!(
            serde_json::to_string(&error).unwrap(),
            r#"{"error":"invalid_request","error_description":"The parameter state was sent twice."}"#
        );
        let error = OauthError::new(ErrorCode::InvalidScope, "a\"b\\c\nd\u{e9}");
        assert_eq!(error.description(), "a'b'c?d?");
    }

    proptest! {
        #[test]
        fn a_description_has_the_characters_of_rfc_6749(text in ".{0,40}") {
            let error = OauthError::new(ErrorCode::InvalidRequest, text);
            prop_assert!(error.description().bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)));
        }
    }
}
