#![doc = include_str!("../README.md")]

mod keys;
mod signing_alg;
mod status_lists;
mod token_type;
mod tokens;

pub use keys::{
    Jwk, JwkError, JwkSet, KeyError, RsaJwk, RsaSigningKey, RsaVerifyingKey, SignError, SignatureError, SigningKey,
    SymmetricKey, VerifyingKey,
};
pub use signing_alg::SigningAlg;
pub use status_lists::{
    MAX_STATUS_LIST_BYTES, MAX_STATUS_LIST_LENGTH, StatusList, StatusListClaims, StatusListError, StatusListExpectation,
};
pub use token_type::TokenType;
pub use tokens::{
    AccessTokenClaims, AccessTokenExpectation, Audience, Claims, ClaimsError, ClientClaims, HeaderError, IdTokenClaims,
    IdTokenHint, IdTokenHintExpectation, LogoutTokenClaims, MAX_TOKEN_LENGTH, Malformed, Part, Payload, Present,
    RequiredClaims, StatusReference, Subject, Times, TokenError, Unverified, UserClaims, UserInfoClaims, at_hash,
    decode_without_verifying, is_unambiguous_object, verify, verify_id_token_rs256,
};
