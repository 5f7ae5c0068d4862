//! OpenID Connect Core §3.1.2.1: the maximum age of the authentication in seconds.

use countersign_oauth::OauthError;

use super::draft::{Draft, invalid};

/// More than thirty years. Larger numbers only test for overflows.
const MOST: u32 = 1_000_000_000;

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    draft.max_age = match draft.one("max_age")? {
        Some(text) => Some(seconds(text).ok_or_else(|| invalid("max_age must be a number of seconds"))?),
        // OpenID Connect Dynamic Client Registration §2.
        None => draft.client()?.metadata.default_max_age,
    };
    Ok(())
}

fn seconds(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|seconds| digits && *seconds <= MOST)
}
