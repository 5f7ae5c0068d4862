//! OpenID Connect Core §3.1.2.1, Initiating User Registration via OpenID Connect §4.1: which pages the client wants shown.

use countersign_oauth::{OauthError, Prompts};

use super::draft::{Draft, invalid};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    let Some(text) = draft.one("prompt")? else {
        return Ok(());
    };
    draft.prompts = text
        .parse::<Prompts>()
        .map_err(|_| invalid("prompt must be none, or any of login, consent, select_account and create"))?;
    Ok(())
}
