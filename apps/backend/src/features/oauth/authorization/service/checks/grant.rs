//! RFC 6749 §4.1.2.1: the client is registered for the authorization code grant.

use countersign_oauth::{ErrorCode, GrantType, OauthError};

use super::draft::{Draft, error};

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    match draft
        .client()?
        .metadata
        .grant_types
        .contains(&GrantType::AuthorizationCode)
    {
        true => Ok(()),
        false => Err(error(
            ErrorCode::UnauthorizedClient,
            "the client is not registered for the grant type authorization_code",
        )),
    }
}
