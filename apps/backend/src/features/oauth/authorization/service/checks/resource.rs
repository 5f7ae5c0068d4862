//! RFC 8707 §2: the APIs that tokens are asked for. Each is registered and allowed for the client. Scopes of an API count
//! only if the API is asked for.

use countersign_oauth::OauthError;

use super::draft::Draft;
use crate::features::oauth::authorization::asked::Wish;

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    let wish = Wish {
        client: draft.client()?,
        apis: draft.facts.apis,
        userinfo: draft.facts.userinfo,
        has_scope: draft.one("scope")?.is_some(),
        scopes: &draft.scopes,
        resources: draft.parameters.all("resource").collect(),
    };
    draft.audiences = wish.audiences()?;
    Ok(())
}
