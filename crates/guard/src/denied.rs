//! Why a request was not let in, and how RFC 6750 §3 says so.

use countersign_jose::TokenError;
use http::StatusCode;

use crate::StatusFault;

/// A refusal: the reason, and the realm that the challenge names.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct Denied {
    /// The protection space, which is the issuer's URL.
    pub realm: String,
    /// Why.
    pub reason: Reason,
}

/// Why a request was not let in.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// No bearer token came with the request.
    #[error("This route needs a bearer token.")]
    NoToken,
    /// The `Authorization` header is not one bearer credential.
    #[error("The Authorization header is not of the form \"Bearer <token>\".")]
    Malformed,
    /// The token itself is not acceptable.
    #[error("{0}")]
    Token(TokenError),
    /// The token is genuine, but was revoked.
    #[error("The token has been revoked.")]
    Revoked,
    /// The token is genuine, but does not say rightly where its state is to be found.
    #[error("{0}")]
    Status(StatusFault),
    /// The token does not carry this scope.
    #[error("The token lacks the scope {0:?}.")]
    MissingScope(String),
    /// The token is good, but a client's, and only people may do this.
    #[error("This route is for signed-in users, and the token is a client's.")]
    UserRequired,
    /// The issuer's keys, or whether the session still lives, could not be found out.
    #[error("The token cannot be checked just now.")]
    Unavailable,
    /// The route is behind no [`crate::GuardLayer`]: a mistake in the service, not in the request.
    #[error("The route is not behind a guard.")]
    NoGuard,
}

impl Denied {
    /// 401, 403 for a missing scope or a missing person, 503 where nobody could be asked, 500 for a route without a guard.
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

    /// A stable name for programs: `missing_token`, `invalid_token`, `insufficient_scope`, `unavailable`, `internal`.
    pub fn code(&self) -> &'static str {
        match self.reason {
            Reason::NoToken => "missing_token",
            Reason::Malformed | Reason::Token(_) | Reason::Revoked | Reason::Status(_) => "invalid_token",
            Reason::MissingScope(_) | Reason::UserRequired => "insufficient_scope",
            Reason::Unavailable => "unavailable",
            Reason::NoGuard => "internal",
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3), for 401 and 403.
    pub fn challenge(&self) -> Option<String> {
        let realm = quoted(&self.realm);
        match &self.reason {
            // §3.1: a request without a token is told no error.
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
        Denied {
            realm: "https://auth.example.com".into(),
            reason,
        }
    }

    #[test]
    fn a_request_without_a_token_is_told_no_error() {
        let challenge = denied(Reason::NoToken).challenge().unwrap();
        assert_eq!(challenge, r#"Bearer realm="https://auth.example.com""#);
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
