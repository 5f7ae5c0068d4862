//! RFC 6749 §3.3: scopes that the client may not have are ignored, and the response says what remains. `openid` makes
//! it an OpenID request (OpenID Connect Core §3.1.2.1).

use countersign_guard::Scopes;
use countersign_oauth::{ErrorCode, GrantType, OauthError};

use super::draft::{Draft, error};
use crate::features::oauth::authorization::request::{OFFLINE_ACCESS, filtered};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    let Some(text) = draft.one("scope")? else {
        return Ok(());
    };
    let asked: Scopes = text
        .parse()
        .map_err(|_| error(ErrorCode::InvalidScope, "scope has characters that are not allowed"))?;
    let client = draft.client()?;
    // OpenID Connect Core §11: without refresh tokens, there is no access that could go on offline.
    let refreshes = client.metadata.grant_types.contains(&GrantType::RefreshToken);
    draft.scopes = filtered(&client.allowed(&asked), |scope| scope != OFFLINE_ACCESS || refreshes);
    Ok(())
}
