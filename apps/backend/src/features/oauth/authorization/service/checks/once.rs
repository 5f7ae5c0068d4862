//! RFC 6749 §3.1: no parameter is sent more than once, except `resource` (RFC 8707 §2).

use countersign_oauth::OauthError;

use super::draft::{Draft, doubled};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    match draft.parameters.doubled(&["resource"]) {
        Some(_) => Err(doubled()),
        None => Ok(()),
    }
}
