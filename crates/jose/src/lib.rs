//! ES256 keys and the access tokens that they sign: PEM, JWK, thumbprints, signing, verifying.
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
//! let claims = AccessTokenClaims {
//!     iss: "https://id.example.com".to_owned(),
//!     sub: Uuid::from_u128(1),
//!     aud: audience.clone().into(),
//!     exp: 1_800_000_900,
//!     iat: 1_800_000_000,
//!     jti: Uuid::from_u128(2),
//!     client_id: "countersign".to_owned(),
//!     sid: Uuid::from_u128(3),
//!     scope: None,
//!     auth_time: 1_800_000_000,
//!     amr: vec!["pwd".to_owned()],
//! };
//! let token = key.sign(TokenType::AccessToken, &claims)?;
//!
//! let expect = Expectation { issuer: "https://id.example.com", audience: &audience, now: 1_800_000_060, leeway: 0 };
//! let ring = [key.verifying_key().clone()];
//! let verified = verify_access_token(&token, |kid| ring.iter().find(|key| key.kid() == kid), &expect)?;
//! assert_eq!(verified, claims);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod keys;
mod token_type;
mod tokens;

pub use keys::{Jwk, JwkError, JwkSet, KeyError, SignError, SignatureError, SigningKey, VerifyingKey};
pub use token_type::TokenType;
pub use tokens::{
    AccessTokenClaims, Audience, ClaimsError, Expectation, HeaderError, MAX_TOKEN_LENGTH, Malformed, Part, TokenError,
    Unverified, decode_without_verifying, verify_access_token,
};
