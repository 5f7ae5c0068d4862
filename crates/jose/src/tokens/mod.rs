//! Compact JWS access tokens: taking one apart, refusing it by name, believing it.
//! Nothing is believed before the signature holds; the order of the checks can be read in `verify.rs`.

mod claims;
mod compact;
mod error;
mod header;
mod inspect;
mod received;
mod strict_json;
mod verify;

pub use claims::{AccessTokenClaims, Audience};
pub use compact::MAX_TOKEN_LENGTH;
pub use error::{ClaimsError, HeaderError, Malformed, Part, TokenError};
pub use inspect::{Unverified, decode_without_verifying};
pub use verify::{Expectation, verify_access_token};
