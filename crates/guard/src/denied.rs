//! Why a request was rejected, and the response according to RFC 6750 §3.

use countersign_jose::TokenError;
use http::StatusCode;

use crate::StatusFault;
use crate::wrong_audience::WrongAudience;

/// A rejected request: the reason, and the realm that the challenge names.
///
/// If the token is for another audience, its [`source`](std::error::Error::source) names the token's audiences and those that
/// the guard expects. That is for the log of the service; the response does not contain it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct Denied {
    /// The protection space, which is the issuer's URL.
    pub realm: String,
    /// The reason.
    pub reason: Reason,
    #[source]
    pub(crate) audiences: Option<WrongAudience>,
}

/// Why a request was rejected.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The request has no bearer token.
    #[error("This route requires a bearer token.")]
    NoToken,
    /// The `Authorization` header is not a single bearer credential.
    #[error("The Authorization header must have the form \"Bearer <token>\".")]
    Malformed,
    /// The token is invalid.
    #[error("{}", sentence(.0))]
    Token(TokenError),
    /// The token is genuine but was revoked.
    #[error("The token has been revoked.")]
    Revoked,
    /// The token is genuine but does not correctly name where its status is published.
    #[error("{0}")]
    Status(StatusFault),
    /// The token does not have this scope.
    #[error("The token lacks the scope {0:?}.")]
    MissingScope(String),
    /// The token is valid but belongs to a client, and the route is for users only.
    #[error("This route requires the token of a user, but the token belongs to a client.")]
    UserRequired,
    /// The issuer's keys or the status of the session are unavailable.
    #[error("The token cannot be verified at the moment. Try again.")]
    Unavailable,
    /// The route is not inside a [`crate::GuardLayer`]: an error in the service, not in the request.
    #[error("The route is not protected by a guard.")]
    NoGuard,
}

impl Denied {
    pub(crate) fn new(realm: &str, reason: Reason) -> Self {
        Self {
            realm: realm.to_owned(),
            reason,
            audiences: None,
        }
    }

    /// Returns the status: 401; 403 for a missing scope or a client's token; 503 if the issuer is unavailable; 500 for
    /// a route without a guard.
    pub fn status(&self) -> StatusCode {
        match self.reason {
            Reason::NoToken | Reason::Malformed | Reason::Token(_) | Reason::Revoked | Reason::Status(_) => {
                StatusCode::UNAUTHORIZED
            }
            Reason::MissingScope(_) | Reason::UserRequired => StatusCode::FORBIDDEN,
            Reason::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Reason::NoGuard => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns a stable name for programs: `missing_token`, `invalid_token`, `insufficient_scope`, `unavailable`,
    /// `internal`.
    pub fn code(&self) -> &'static str {
        match self.reason {
            Reason::NoToken => "missing_token",
            Reason::Malformed | Reason::Token(_) | Reason::Revoked | Reason::Status(_) => "invalid_token",
            Reason::MissingScope(_) | Reason::UserRequired => "insufficient_scope",
            Reason::Unavailable => "unavailable",
            Reason::NoGuard => "internal",
        }
    }

    /// Returns the value of `WWW-Authenticate` (RFC 6750 §3), for 401 and 403.
    pub fn challenge(&self) -> Option<String> {
        let realm = quoted(&self.realm);
        match &self.reason {
            // §3.1: a request without a token gets no error code.
            Reason::NoToken => Some(format!("Bearer realm=\"{realm}\"")),
            Reason::Malformed | Reason::Token(_) | Reason::Revoked | Reason::Status(_) => Some(format!(
                "Bearer realm=\"{realm}\", error=\"invalid_token\", error_description=\"{}\"",
                quoted(&self.reason.to_string())
            )),
            Reason::MissingScope(scope) => Some(format!(
                "Bearer realm=\"{realm}\", error=\"insufficient_scope\", scope=\"{}\"",
                quoted(scope)
            )),
            Reason::UserRequired => Some(format!(
                "Bearer realm=\"{realm}\", error=\"insufficient_scope\", error_description=\"{}\"",
                quoted(&self.reason.to_string())
            )),
            Reason::Unavailable | Reason::NoGuard => None,
        }
    }
}

/// Returns an error as a sentence, as all other details are.
fn sentence(error: &TokenError) -> String {
    let text = error.to_string();
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_ascii_uppercase());
    format!("{}{}.", first.map(String::from).unwrap_or_default(), rest.as_str())
}

/// RFC 6750 §3: printable ASCII without quotation mark and backslash.
fn quoted(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' | '\\' => '\'',
            ' '..='~' => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(reason: Reason) -> Denied {
        Denied::new("https://auth.example.com", reason)
    }

    #[test]
    fn a_request_without_a_token_gets_no_error_code() {
        let challenge = denied(Reason::NoToken).challenge().unwrap();
        assert_eq!(challenge, r#"Bearer realm="https://auth.example.com""#);
    }

    #[test]
    fn every_reason_is_a_sentence() {
        let header = countersign_jose::HeaderError::AlgorithmNone;
        for reason in [
            Reason::Token(countersign_jose::Malformed::NotThreeParts.into()),
            Reason::Token(header.into()),
            Reason::Token(TokenError::UnknownKey),
            Reason::Token(countersign_jose::ClaimsError::Expired.into()),
            Reason::Token(countersign_jose::SignatureError::Mismatch.into()),
            Reason::Token(countersign_jose::StatusListError::TrailingBytes.into()),
            Reason::Revoked,
            Reason::Status(StatusFault::Missing),
        ] {
            let detail = reason.to_string();
            assert!(
                detail.starts_with(char::is_uppercase) && detail.ends_with('.'),
                "{detail}"
            );
        }
        let three_parts = Reason::Token(countersign_jose::Malformed::NotThreeParts.into());
        assert_eq!(three_parts.to_string(), "The token does not have three parts.");
    }

    #[test]
    fn a_missing_scope_is_named() {
        let denied = denied(Reason::MissingScope("products:write".into()));
        assert_eq!(denied.status(), StatusCode::FORBIDDEN);
        assert!(
            denied
                .challenge()
                .unwrap()
                .ends_with(r#"error="insufficient_scope", scope="products:write""#)
        );
    }
}
