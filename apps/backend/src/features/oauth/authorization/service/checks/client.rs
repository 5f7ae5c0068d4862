//! RFC 6749 §4.1.2.1: the client exists and is enabled. Unknown and disabled clients look the same.

use countersign_oauth::OauthError;

use super::draft::Draft;

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    draft.client().map(drop)
}
