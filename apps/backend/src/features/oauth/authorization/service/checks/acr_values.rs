//! OpenID Connect Core §3.1.2.1: a preference. The ID token says what was reached, and the request never fails for it.

use countersign_oauth::OauthError;

use super::draft::Draft;

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    draft.one("acr_values").map(drop)
}
