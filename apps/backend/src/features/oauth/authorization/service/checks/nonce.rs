//! OpenID Connect Core §3.1.2.1 (`nonce`), RFC 6749 §4.1.1 (`state`): returned byte for byte, so they may be any text, but
//! not control characters.

use countersign_oauth::OauthError;

use super::draft::{Draft, invalid};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    for value in [draft.one("nonce")?, draft.one("state")?].into_iter().flatten() {
        if value.chars().any(char::is_control) {
            return Err(invalid("nonce and state must not contain control characters"));
        }
    }
    draft.nonce = draft.one("nonce")?.map(str::to_owned);
    Ok(())
}
