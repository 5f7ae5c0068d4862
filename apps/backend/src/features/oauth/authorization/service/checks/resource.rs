//! RFC 8707 §2: the APIs that tokens are requested for. Each is registered, and the client may use it. Scopes of an API
//! count only if the API is requested.

use countersign_oauth::OauthError;

use super::draft::Draft;
use crate::features::oauth::authorization::access::AccessRequest;

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    let request = AccessRequest {
        client: draft.client()?,
        apis: draft.facts.apis,
        userinfo: draft.facts.userinfo,
        has_scope: draft.one("scope")?.is_some(),
        scopes: &draft.scopes,
        resources: draft.parameters.all("resource").collect(),
    };
    draft.audiences = request.audiences()?;
    Ok(())
}
