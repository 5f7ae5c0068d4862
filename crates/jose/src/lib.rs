#![doc = include_str!("../README.md")]

mod keys;
mod status_lists;
mod token_type;
mod tokens;

pub use keys::{Jwk, JwkError, JwkSet, KeyError, SignError, SignatureError, SigningKey, SymmetricKey, VerifyingKey};
pub use status_lists::{
    MAX_STATUS_LIST_BYTES, MAX_STATUS_LIST_LENGTH, StatusList, StatusListClaims, StatusListError, StatusListExpectation,
};
pub use token_type::TokenType;
pub use tokens::{
    AccessTokenClaims, AccessTokenExpectation, Audience, Claims, ClaimsError, HeaderError, MAX_TOKEN_LENGTH, Malformed,
    Part, Payload, Present, RequiredClaims, StatusReference, Subject, Times, TokenError, Unverified,
    decode_without_verifying, is_unambiguous_object, verify,
};
