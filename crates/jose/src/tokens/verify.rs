//! Verifies tokens of any type in one call and a fixed order. The type of the claims defines what they must contain.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::compact::{Compact, decode, split};
use super::strict_json::read_object;
use super::{ClaimsError, Part, TokenError, header};
use crate::{SigningAlg, TokenType, VerifyingKey};

/// Claims of one type of token, and how a verifier reads them.
///
/// [`AccessTokenClaims`](crate::AccessTokenClaims) and [`StatusListClaims`](crate::StatusListClaims) are provided. For your
/// own type, parse the payload and compare it with what the verifier expects:
///
/// ```
/// use countersign_jose::{Claims, ClaimsError, Payload, Present, SigningKey, Times, TokenError, TokenType, verify};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Receipt {
///     order: u64,
///     iat: i64,
///     exp: i64,
/// }
///
/// impl Claims for Receipt {
///     const TYPE: TokenType = TokenType::new("receipt+jwt");
///     type Expectation<'a> = Present;
///
///     fn read(payload: Payload<'_>, present: &Present) -> Result<Self, TokenError> {
///         let receipt: Self = payload.parse()?;
///         Times { iat: receipt.iat, exp: receipt.exp, nbf: None }.check(*present)?;
///         Ok(receipt)
///     }
/// }
///
/// let key = SigningKey::generate()?;
/// let token = key.sign(Receipt::TYPE, &Receipt { order: 7, iat: 100, exp: 200 })?;
/// let find = |kid: &str| (kid == key.kid()).then(|| key.verifying_key().clone());
/// let present = Present { now: 150, leeway: 0 };
/// assert_eq!(verify::<Receipt>(&token, find, &present)?.order, 7);
/// let later = Present { now: 200, leeway: 0 };
/// assert!(matches!(verify::<Receipt>(&token, find, &later), Err(TokenError::Claims(ClaimsError::Expired))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Claims: Sized {
    /// The type in the header of tokens with these claims.
    const TYPE: TokenType;

    /// What a verifier expects, such as the issuer and the time; `()` if nothing is compared.
    type Expectation<'a>;

    /// Reads the payload of a token whose type and signature were verified, and compares it with what is expected.
    ///
    /// # Errors
    /// The first reason to reject it.
    fn read(payload: Payload<'_>, expect: &Self::Expectation<'_>) -> Result<Self, TokenError>;
}

/// The payload of a token with a valid signature.
#[derive(Clone, Copy)]
pub struct Payload<'a>(pub(super) &'a [u8]);

impl<'a> Payload<'a> {
    /// Parses the payload if it is an unambiguous JSON object (see
    /// [`is_unambiguous_object`](crate::is_unambiguous_object)).
    ///
    /// # Errors
    /// [`TokenError::Malformed`] if it is not, [`ClaimsError::WrongShape`] if it is not a `T`.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T, TokenError> {
        read_object(Part::Claims, self.0, |_, _| ())?;
        Ok(serde_json::from_slice(self.0).map_err(|_| ClaimsError::WrongShape("payload"))?)
    }

    /// Returns the text, for parsers that are strict themselves.
    pub(crate) fn json(self) -> &'a [u8] {
        self.0
    }
}

/// Verifies a token with an ES256 signature and returns its claims, or the first reason to reject it.
///
/// `key` finds the key for a `kid`; it is called once, after the rest of the header was accepted. No claim is read before the
/// signature is verified.
///
/// # Errors
/// [`TokenError`], which names the step that rejected the token.
pub fn verify<C: Claims>(
    token: &str,
    key: impl FnOnce(&str) -> Option<VerifyingKey>,
    expect: &C::Expectation<'_>,
) -> Result<C, TokenError> {
    let parts = split(token, C::TYPE.max_length())?;
    let kid = kid(&parts, SigningAlg::Es256, C::TYPE)?;
    let key = key(&kid).ok_or(TokenError::UnknownKey)?;
    let signature = decode(Part::Signature, parts.signature)?;
    key.verify(parts.signed.as_bytes(), &signature)?;
    C::read(Payload(&decode(Part::Claims, parts.claims)?), expect)
}

/// Checks the header and returns its `kid`.
pub(super) fn kid(parts: &Compact<'_>, alg: SigningAlg, typ: TokenType) -> Result<String, TokenError> {
    let header = decode(Part::Header, parts.header)?;
    header::read(&header, alg, typ).map(Cow::into_owned)
}
