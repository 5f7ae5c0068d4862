//! RFC 6749 §3.1: no parameter is sent more than once, except `resource` (RFC 8707 §2). OpenID Connect Core §6 and §7.2.1:
//! request objects and self-issued registration are not supported, and nothing is fetched.

use countersign_oauth::{ErrorCode, OauthError};

use super::draft::{Draft, doubled, error};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    if draft.parameters.doubled(&["resource"]).is_some() {
        return Err(doubled());
    }
    if draft.one("request")?.is_some() {
        return Err(error(
            ErrorCode::RequestNotSupported,
            "request objects are not supported",
        ));
    }
    if draft.one("request_uri")?.is_some() {
        return Err(error(ErrorCode::RequestUriNotSupported, "request_uri is not supported"));
    }
    if draft.one("registration")?.is_some() {
        return Err(error(
            ErrorCode::RegistrationNotSupported,
            "registration is not supported",
        ));
    }
    Ok(())
}
