//! RFC 6749 §3.1.1: `code`. The implicit and hybrid flows are not supported (RFC 9700 §2.1.2).

use countersign_oauth::{ErrorCode, OauthError};

use super::draft::{Draft, error, invalid};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    match draft.one("response_type")? {
        Some("code") => Ok(()),
        Some(_) => Err(error(ErrorCode::UnsupportedResponseType, "response_type must be code")),
        None => Err(invalid("response_type is missing")),
    }
}
