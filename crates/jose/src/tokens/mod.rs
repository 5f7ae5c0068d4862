//! Compact JWS tokens: parsing, verification, and the reasons for rejection. No claim is used before the signature is
//! verified; `verify.rs` shows the order of the checks.

mod access_token;
mod claims;
mod compact;
mod error;
mod header;
mod inspect;
pub(crate) mod raw_claims;
pub(crate) mod strict_json;
mod subject;
mod times;
mod verify;

pub use access_token::AccessTokenExpectation;
pub use claims::{AccessTokenClaims, Audience, RequiredClaims, StatusReference};
pub use compact::MAX_TOKEN_LENGTH;
pub use error::{ClaimsError, HeaderError, Malformed, Part, TokenError};
pub use inspect::{Unverified, decode_without_verifying};
pub use strict_json::is_unambiguous_object;
pub use subject::Subject;
pub use times::{Present, Times};
pub use verify::{Claims, Payload, verify};
