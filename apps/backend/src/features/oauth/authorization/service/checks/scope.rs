//! RFC 6749 §3.3: scopes that the client may not have are ignored, and the response says what remains. `openid` makes
//! it an OpenID request (OpenID Connect Core §3.1.2.1).

use countersign_guard::Scopes;
use countersign_oauth::{ErrorCode, OauthError};

use super::draft::{Draft, error};
use crate::features::oauth::authorization::access::scopes_for;

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    let Some(text) = draft.one("scope")? else {
        return Ok(());
    };
    let asked: Scopes = text.parse().map_err(|_| {
        error(
            ErrorCode::InvalidScope,
            "scope contains characters that are not allowed",
        )
    })?;
    draft.scopes = scopes_for(draft.client()?, &asked);
    Ok(())
}
