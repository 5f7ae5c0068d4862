//! The audiences of a token that is for another one, and those that were expected.

use countersign_jose::decode_without_verifying;
use serde_json::Value;

use crate::shown::shown;

/// What a token is for, and what a guard expects. For the log of the service only: what it expects is none of the client's
/// business.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the token is for {found}, and this guard expects {expected}")]
pub(crate) struct WrongAudience {
    found: String,
    expected: String,
}

impl WrongAudience {
    /// Reads the audiences of a token that was rejected for them, which is after its signature was verified.
    pub(crate) fn of(token: &str, expected: &[String]) -> Self {
        let claims = decode_without_verifying(token).map(|token| token.claims);
        let found = match claims
            .ok()
            .and_then(|mut claims| claims.get_mut("aud").map(Value::take))
        {
            Some(Value::String(one)) => one,
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            _ => String::new(),
        };
        Self {
            found: if found.is_empty() {
                "no one".to_owned()
            } else {
                shown(&found)
            },
            expected: expected.join(" or "),
        }
    }
}
