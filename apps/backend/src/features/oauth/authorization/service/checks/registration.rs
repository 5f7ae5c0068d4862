//! OpenID Connect Core §7.2.1: clients cannot register themselves with a request.

use countersign_oauth::{ErrorCode, OauthError};

use super::draft::{Draft, error};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    match draft.one("registration")? {
        Some(_) => Err(error(
            ErrorCode::RegistrationNotSupported,
            "registration is not supported",
        )),
        None => Ok(()),
    }
}
