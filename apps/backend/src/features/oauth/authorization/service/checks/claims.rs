//! OpenID Connect Core §5.5: claims asked for one by one. Unknown members are ignored.

use countersign_oauth::{ClaimsRequest, OauthError};

use super::draft::{Draft, invalid};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    let Some(text) = draft.one("claims")? else {
        return Ok(());
    };
    let claims = text
        .parse::<ClaimsRequest>()
        .map_err(|_| invalid("claims must be a JSON object as in OpenID Connect Core 5.5"))?;
    draft.claims = Some(claims);
    Ok(())
}
