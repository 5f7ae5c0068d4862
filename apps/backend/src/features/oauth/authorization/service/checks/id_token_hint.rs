//! OpenID Connect Core §3.1.2.2: an ID token that this server issued to this client, expired or not, says who is to answer.

use countersign_oauth::OauthError;

use super::draft::{Draft, invalid};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    if draft.one("id_token_hint")?.is_none() {
        return Ok(());
    }
    let client_id = &draft.client()?.client_id;
    let Some(hint) = draft.facts.hint.filter(|hint| hint.client_id == *client_id) else {
        return Err(invalid(
            "id_token_hint is not an ID token that this server issued to this client",
        ));
    };
    draft.subject = Some(hint.sub);
    Ok(())
}
