//! ES256 keys, the access tokens that they sign, and the lists that take tokens back: PEM, JWK, thumbprints, signing,
//! verifying.
//!
//! This crate is pure. It opens no file, asks no clock and waits for nobody: the caller hands in the bytes, the time and
//! the key. It knows one algorithm, so that there is none to choose and none to confuse, and it would rather refuse a
//! token that others accept than the other way round. Each refusal has a name ([`TokenError::code`]), and no error ever
//! holds a part of the token or of a key.
//!
//! ```
//! # use countersign_jose::*;
//! # use uuid::Uuid;
//! let key = SigningKey::generate()?;
//! let audience = vec!["https://api.example.com".to_owned()];
//! let mut claims = AccessTokenClaims::from(RequiredClaims {
//!     iss: "https://id.example.com".to_owned(),
//!     sub: Subject::Account(Uuid::from_u128(1)),
//!     aud: audience.clone().into(),
//!     exp: 1_800_000_900,
//!     iat: 1_800_000_000,
//!     jti: Uuid::from_u128(2),
//!     client_id: "countersign".to_owned(),
//! });
//! claims.sid = Some(Uuid::from_u128(3));
//! claims.status = Some(StatusReference::new(4711, "https://id.example.com/oauth2/status-lists/1"));
//! let token = key.sign(TokenType::ACCESS_TOKEN, &claims)?;
//!
//! let present = Present { now: 1_800_000_060, leeway: 0 };
//! let expect = AccessTokenExpectation { issuer: "https://id.example.com", audience: &audience, present };
//! let ring = [key.verifying_key().clone()];
//! let find = |kid: &str| ring.iter().find(|key| key.kid() == kid).cloned();
//! let verified: AccessTokenClaims = verify(&token, find, &expect)?;
//! assert_eq!(verified, claims);
//!
//! let mut list = StatusList::with_capacity(1 << 17).ok_or("too many")?;
//! assert!(list.set(4711));
//! assert_eq!((list.status(4711), list.status(4712), list.status(1 << 17)), (Some(1), Some(0), None));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod keys;
mod status_lists;
mod token_type;
mod tokens;

pub use keys::{Jwk, JwkError, JwkSet, KeyError, SignError, SignatureError, SigningKey, VerifyingKey};
pub use status_lists::{
    MAX_STATUS_LIST_BYTES, MAX_STATUS_LIST_LENGTH, StatusList, StatusListClaims, StatusListError, StatusListExpectation,
};
pub use token_type::TokenType;
pub use tokens::{
    AccessTokenClaims, AccessTokenExpectation, Audience, Claims, ClaimsError, HeaderError, MAX_TOKEN_LENGTH, Malformed,
    Part, Payload, Present, RequiredClaims, StatusReference, Subject, Times, TokenError, Unverified,
    decode_without_verifying, is_unambiguous_object, verify,
};
