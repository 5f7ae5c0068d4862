//! The tokens that are for a client to read, and so may be signed with RS256.

use serde::Serialize;

use super::{IdTokenClaims, LogoutTokenClaims, UserInfoClaims};
use crate::TokenType;

/// Claims of a token that a client reads: an ID token, a logout token, or a signed answer of the userinfo endpoint.
///
/// Only these can be signed with RS256. Nothing else implements this trait, so an access token is always ES256.
pub trait ClientClaims: Serialize + Clone + Send + Sync + sealed::Sealed + 'static {
    /// The type in the header.
    const TYPE: TokenType;

    /// Whether the token comes back as an `id_token_hint`, perhaps long after it has expired.
    const IS_HINT: bool = false;

    /// Returns when the token expires, in seconds since the epoch; `None` if it does not say.
    fn expires_at(&self) -> Option<i64>;
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for IdTokenClaims {}
impl sealed::Sealed for LogoutTokenClaims {}
impl sealed::Sealed for UserInfoClaims {}

impl ClientClaims for IdTokenClaims {
    const TYPE: TokenType = TokenType::ID_TOKEN;
    const IS_HINT: bool = true;

    fn expires_at(&self) -> Option<i64> {
        Some(self.exp)
    }
}

impl ClientClaims for LogoutTokenClaims {
    const TYPE: TokenType = TokenType::LOGOUT_TOKEN;

    fn expires_at(&self) -> Option<i64> {
        Some(self.exp)
    }
}

impl ClientClaims for UserInfoClaims {
    const TYPE: TokenType = TokenType::USER_INFO;

    fn expires_at(&self) -> Option<i64> {
        None
    }
}
