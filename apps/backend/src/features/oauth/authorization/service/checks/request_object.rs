//! OpenID Connect Core §6: request objects are not supported, and nothing is fetched. The `response_mode` of an unsigned object
//! supersedes that of the request (§6.1) for this refusal, and is all that is read of it.

use countersign_oauth::{ErrorCode, OauthError, response_mode_of_unsigned};

use super::draft::{Draft, error};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    if let Some(object) = draft.one("request")? {
        draft.mode = response_mode_of_unsigned(object).unwrap_or(draft.mode);
        return Err(error(
            ErrorCode::RequestNotSupported,
            "request objects are not supported",
        ));
    }
    if draft.one("request_uri")?.is_some() {
        return Err(error(ErrorCode::RequestUriNotSupported, "request_uri is not supported"));
    }
    Ok(())
}
