//! ID tokens of ours that come back as an `id_token_hint` (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2).

use serde::Deserialize;
use uuid::Uuid;

use super::compact::{decode, split};
use super::verify::kid;
use super::{Claims, ClaimsError, Part, Payload, Present, TokenError};
use crate::{RsaVerifyingKey, SigningAlg, TokenType};

/// What an ID token of ours says about whom it was issued for. It may have expired long ago: it identifies, and authenticates
/// no one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdTokenHint {
    /// The account.
    pub sub: Uuid,
    /// The grant.
    pub sid: Uuid,
    /// The client that the token was issued to: its `aud`.
    pub client_id: String,
    /// When the token was issued, in seconds since the epoch.
    pub iat: i64,
}

/// What is expected of an [`IdTokenHint`].
#[derive(Clone, Copy, Debug)]
pub struct IdTokenHintExpectation<'a> {
    /// The issuer, compared exactly.
    pub issuer: &'a str,
    /// The time. A token from the future is rejected, an expired one is not.
    pub present: Present,
}

/// The claims of every ID token of ours. A signed answer of the userinfo endpoint, which has the same type, has neither times
/// nor `sid`.
#[derive(Deserialize)]
struct Raw {
    iss: String,
    sub: Uuid,
    aud: String,
    sid: Uuid,
    iat: i64,
    #[serde(rename = "exp")]
    _exp: i64,
    #[serde(rename = "auth_time")]
    _auth_time: i64,
}

/// Checks the issuer, and that the claims of an ID token are there.
impl Claims for IdTokenHint {
    const TYPE: TokenType = TokenType::ID_TOKEN;
    type Expectation<'a> = IdTokenHintExpectation<'a>;

    fn read(payload: Payload<'_>, expect: &IdTokenHintExpectation<'_>) -> Result<Self, TokenError> {
        let raw: Raw = payload.parse()?;
        if raw.iss != expect.issuer {
            return Err(ClaimsError::WrongIssuer.into());
        }
        if raw.iat > expect.present.now.saturating_add(i64::from(expect.present.leeway)) {
            return Err(ClaimsError::IssuedInTheFuture.into());
        }
        Ok(Self {
            sub: raw.sub,
            sid: raw.sid,
            client_id: raw.aud,
            iat: raw.iat,
        })
    }
}

/// Verifies an ID token of ours with an RS256 signature. For ES256, use [`crate::verify`].
///
/// This is the only function that verifies with an RSA key, and it reads no other type of token.
///
/// # Errors
/// [`TokenError`], which names the step that rejected the token.
pub fn verify_id_token_rs256(
    token: &str,
    key: impl FnOnce(&str) -> Option<RsaVerifyingKey>,
    expect: &IdTokenHintExpectation<'_>,
) -> Result<IdTokenHint, TokenError> {
    let parts = split(token, IdTokenHint::TYPE.max_length())?;
    let kid = kid(&parts, SigningAlg::Rs256, IdTokenHint::TYPE)?;
    let key = key(&kid).ok_or(TokenError::UnknownKey)?;
    let signature = decode(Part::Signature, parts.signature)?;
    key.verify(parts.signed.as_bytes(), &signature)?;
    IdTokenHint::read(Payload(&decode(Part::Claims, parts.claims)?), expect)
}
