//! Verification of access tokens (RFC 9068 §4).

use super::raw_claims::RawClaims;
use super::{AccessTokenClaims, Claims, ClaimsError, Payload, Present, Times, TokenError};
use crate::TokenType;

/// What a verifier expects of an access token.
///
/// There are no defaults and no constructor, because omitting any of these would be a vulnerability.
#[derive(Clone, Copy, Debug)]
pub struct AccessTokenExpectation<'a> {
    /// The issuer, compared exactly.
    pub issuer: &'a str,
    /// The verifier's own names; the token must be for at least one of them. If empty, every token is rejected.
    pub audience: &'a [String],
    /// The time.
    pub present: Present,
}

/// Checks all claims (RFC 9068 §4, RFC 8725 §3).
impl Claims for AccessTokenClaims {
    const TYPE: TokenType = TokenType::ACCESS_TOKEN;
    type Expectation<'a> = AccessTokenExpectation<'a>;

    fn read(payload: Payload<'_>, expect: &AccessTokenExpectation<'_>) -> Result<Self, TokenError> {
        let raw = RawClaims::read(payload.json())?;
        let nbf = raw.not_before()?;
        let claims = raw.into_claims()?;
        if claims.iss != expect.issuer {
            return Err(ClaimsError::WrongIssuer.into());
        }
        // RFC 7519 §4.1.3: a token may have several audiences; one of them must be ours.
        if !claims.aud.contains_any_of(expect.audience) {
            return Err(ClaimsError::WrongAudience.into());
        }
        let times = Times {
            iat: claims.iat,
            exp: claims.exp,
            nbf,
        };
        times.check(expect.present)?;
        Ok(claims)
    }
}
