//! RFC 6749 §3.1: the parameters that decide who is answered are sent once.

use countersign_oauth::OauthError;

use super::draft::{Draft, doubled};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    let names = ["client_id", "redirect_uri", "request", "request_uri"];
    let is_doubled = names.into_iter().any(|name| draft.parameters.one(name).is_err());
    if is_doubled { Err(doubled()) } else { Ok(()) }
}
