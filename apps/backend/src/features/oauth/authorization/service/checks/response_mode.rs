//! OAuth 2.0 Multiple Response Types §2.1, OAuth 2.0 Form Post Response Mode §2: how the client is answered, also with the
//! errors of the checks that follow.

use countersign_oauth::{OauthError, ResponseMode};

use super::draft::{Draft, invalid};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    if let Some(mode) = draft.one("response_mode")? {
        let unknown = |_| invalid("response_mode must be query, fragment or form_post");
        draft.mode = mode.parse::<ResponseMode>().map_err(unknown)?;
    }
    Ok(())
}
