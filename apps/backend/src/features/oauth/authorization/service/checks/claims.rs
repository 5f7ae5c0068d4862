//! OpenID Connect Core §5.5: claims asked for one by one. Unknown members are ignored. The user consents to their scopes; those
//! that the client may not have are ignored as well.

use countersign_guard::Scopes;
use countersign_oauth::{ClaimsRequest, OauthError};

use super::draft::{Draft, invalid};
use crate::features::oauth::authorization::request::{ScopeNames, filtered};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    let Some(text) = draft.one("claims")? else {
        return Ok(());
    };
    let claims = text
        .parse::<ClaimsRequest>()
        .map_err(|_| invalid("claims must be a JSON object as defined in OpenID Connect Core section 5.5"))?;
    let by_name: Scopes = claims.scopes().map(str::to_owned).collect();
    let (allowed, userinfo) = (draft.client()?.allowed(&by_name), draft.facts.userinfo);
    if let Some(audience) = draft.audiences.iter_mut().find(|one| one.identifier == userinfo) {
        audience.by_name = ScopeNames(filtered(&allowed, |scope| !audience.scopes.0.contains(scope)));
    }
    draft.claims = Some(claims);
    Ok(())
}
