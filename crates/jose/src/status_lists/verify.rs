//! The whole check of a status list (draft-ietf-oauth-status-list §8.3), in one call and in one order.

use std::borrow::Borrow;

use super::{StatusListClaims, StatusListError};
use crate::{
    ClaimsError, TokenError, TokenType, VerifyingKey,
    tokens::{check_times, signed_claims},
};

/// What a verifier expects of a status list. There are no defaults: each of these, forgotten, would be a hole.
#[derive(Clone, Copy, Debug)]
pub struct StatusListExpectation<'a> {
    /// The issuer, compared exactly: only the issuer of a token takes it back.
    pub issuer: &'a str,
    /// The list's address, as the token's `status` names it; `sub` is compared exactly (§8.3).
    pub uri: &'a str,
    /// The present, in seconds since the epoch.
    pub now: i64,
    /// By how many seconds the issuer's clock may be off.
    pub leeway: u32,
}

/// Verifies a status list and gives its claims, or the first reason to refuse it.
///
/// `key` finds the key that a `kid` names, as in [`crate::verify_access_token`]. Nothing is inflated before the
/// signature, the issuer and the address hold, and then no more than [`crate::MAX_STATUS_LIST_BYTES`].
pub fn verify_status_list<K: Borrow<VerifyingKey>>(
    token: &str,
    key: impl FnOnce(&str) -> Option<K>,
    expect: &StatusListExpectation<'_>,
) -> Result<StatusListClaims, TokenError> {
    let json = signed_claims(token, TokenType::StatusList, key)?;
    let (claims, not_before) = StatusListClaims::read(&json, |iss, sub| {
        if iss != expect.issuer {
            return Err(ClaimsError::WrongIssuer.into());
        }
        if sub != expect.uri {
            return Err(StatusListError::WrongSubject.into());
        }
        Ok(())
    })?;
    check_times(
        [claims.iat, claims.exp],
        not_before,
        [expect.now, i64::from(expect.leeway)],
    )?;
    Ok(claims)
}
