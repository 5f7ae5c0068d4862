//! Compact JWS tokens: parsing, verification, and the reasons for rejection. No claim is used before the signature is
//! verified; `verify.rs` shows the order of the checks.

mod access_token;
mod claims;
mod client_claims;
mod compact;
mod error;
mod header;
mod id_token;
mod id_token_hint;
mod inspect;
mod logout_token;
pub(crate) mod raw_claims;
pub(crate) mod strict_json;
mod subject;
mod times;
mod user_info;
mod verify;

pub use access_token::AccessTokenExpectation;
pub use claims::{AccessTokenClaims, Audience, RequiredClaims, StatusReference};
pub use client_claims::ClientClaims;
pub use compact::MAX_TOKEN_LENGTH;
pub use error::{ClaimsError, HeaderError, Malformed, Part, TokenError};
pub use id_token::{IdTokenClaims, UserClaims, at_hash};
pub use id_token_hint::{IdTokenHint, IdTokenHintExpectation, verify_id_token_rs256};
pub use inspect::{Unverified, decode_without_verifying};
pub use logout_token::LogoutTokenClaims;
pub use strict_json::is_unambiguous_object;
pub use subject::Subject;
pub use times::{Present, Times};
pub use user_info::UserInfoClaims;
pub use verify::{Claims, Payload, verify};
