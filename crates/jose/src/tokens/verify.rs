//! The whole check of an access token (RFC 9068 §4, RFC 8725 §3), in one call and in one order. What every kind of token
//! has in common is `signed_claims` and `check_times`.

use std::borrow::Borrow;

use super::{
    AccessTokenClaims, ClaimsError, Part, TokenError,
    compact::{decode, split},
    header,
    received::Received,
};
use crate::{TokenType, VerifyingKey};

/// What a verifier expects of a token. There are no defaults: each of these, forgotten, would be a hole.
#[derive(Clone, Copy, Debug)]
pub struct Expectation<'a> {
    /// The issuer, compared exactly.
    pub issuer: &'a str,
    /// The verifier's own names; the token must be for at least one of them. With none, every token is refused.
    pub audience: &'a [String],
    /// The present, in seconds since the epoch.
    pub now: i64,
    /// By how many seconds the issuer's clock may be off; no more than a minute is usual (RFC 7519
    /// §4.1.4).
    pub leeway: u32,
}

/// Verifies an access token and gives its claims, or the first reason to refuse it.
///
/// `key` finds the key that a `kid` names; it is asked once, and only for a header that holds nothing else against it.
/// No claim is looked at before the signature holds.
pub fn verify_access_token<K: Borrow<VerifyingKey>>(
    token: &str,
    key: impl FnOnce(&str) -> Option<K>,
    expect: &Expectation<'_>,
) -> Result<AccessTokenClaims, TokenError> {
    let json = signed_claims(token, TokenType::AccessToken, key)?;
    let received = Received::read(&json)?;
    let not_before = received.not_before()?;
    let claims = received.into_claims()?;
    check_parties(&claims, expect)?;
    check_times(
        [claims.iat, claims.exp],
        not_before,
        [expect.now, i64::from(expect.leeway)],
    )?;
    Ok(claims)
}

/// The claims of a token of one kind whose signature holds, as they were written.
pub(crate) fn signed_claims<K: Borrow<VerifyingKey>>(
    token: &str,
    typ: TokenType,
    key: impl FnOnce(&str) -> Option<K>,
) -> Result<Vec<u8>, TokenError> {
    let parts = split(token, typ.max_length())?;
    let header = decode(Part::Header, parts.header)?;
    let kid = header::read(&header, typ)?;
    let key = key(&kid).ok_or(TokenError::UnknownKey)?;
    let signature = decode(Part::Signature, parts.signature)?;
    key.borrow().verify(parts.signed.as_bytes(), &signature)?;
    Ok(decode(Part::Claims, parts.claims)?)
}

fn check_parties(claims: &AccessTokenClaims, expect: &Expectation<'_>) -> Result<(), ClaimsError> {
    if claims.iss != expect.issuer {
        return Err(ClaimsError::WrongIssuer);
    }
    // RFC 7519 §4.1.3: a token may be for several; it is for us if one of them is us.
    if !claims.aud.contains_any_of(expect.audience) {
        return Err(ClaimsError::WrongAudience);
    }
    Ok(())
}

/// Holds `iat`, `exp` and `nbf` against the present.
pub(crate) fn check_times(
    [iat, exp]: [i64; 2],
    not_before: Option<i64>,
    [now, leeway]: [i64; 2],
) -> Result<(), ClaimsError> {
    // RFC 7519 §4.1.4: "on or after" the time that `exp` names, the token is not accepted.
    if now.saturating_sub(leeway) >= exp {
        return Err(ClaimsError::Expired);
    }
    let latest = now.saturating_add(leeway);
    if not_before.is_some_and(|not_before| not_before > latest) {
        return Err(ClaimsError::NotYetValid);
    }
    if iat > latest {
        return Err(ClaimsError::IssuedInTheFuture);
    }
    Ok(())
}
