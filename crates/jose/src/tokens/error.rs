//! All reasons for rejecting a token, each with its own name. None contains a part of the token.

use std::fmt;

use thiserror::Error;

use crate::{SignatureError, StatusListError};

/// Why a token was rejected, by the step that rejected it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is not a compact JWS with JSON content.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its header asks for something unsupported.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Its `kid` names a key that the caller does not know.
    #[error("unknown key ID (kid) in the token")]
    UnknownKey,
    /// Its signature is invalid.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It is genuine but not valid here or now.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// It is a genuine status list but not the requested one, or unreadable.
    #[error(transparent)]
    StatusList(#[from] StatusListError),
}

/// Why a text is not a compact JWS with JSON content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It exceeds the maximum length of its type ([`crate::TokenType::max_length`]).
    #[error("the token is too long")]
    TooLong,
    /// It does not have exactly two dots. (With four it may be a JWE, which is not supported.)
    #[error("the token does not have three parts")]
    NotThreeParts,
    /// A part is not base64url as RFC 7515 §2 requires: padding, invalid characters, or unused bits set.
    #[error("the token's {0} is not canonical base64url")]
    NotBase64Url(Part),
    /// A part is not JSON in UTF-8.
    #[error("the token's {0} is not JSON")]
    NotJson(Part),
    /// A part is JSON but not an object.
    #[error("the token's {0} is not a JSON object")]
    NotAnObject(Part),
    /// A number is not finite, such as `1e400`.
    #[error("the token's {0} contains a number that is not finite")]
    NotFinite(Part),
    /// An object at any depth has a duplicate member, which parsers may interpret differently.
    #[error("the token's {0} contains a duplicate member")]
    DuplicateMember(Part),
    /// Objects and arrays are nested more than 16 levels deep.
    #[error("the token's {0} is nested too deeply")]
    TooDeep(Part),
}

/// Why a header is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// `alg` is `none`, in any spelling.
    #[error("the token is not signed (alg none)")]
    AlgorithmNone,
    /// `alg` is anything other than the algorithm that was asked for: `ES256`, or `RS256` for [`crate::verify_id_token_rs256`].
    #[error("the token's alg is not the expected one")]
    WrongAlgorithm,
    /// The header contains or references a key (`jwk`, `jku`, `x5u`, `x5c`), which is never used or fetched.
    #[error("the token's header contains its own key ({0})")]
    EmbeddedKey(&'static str),
    /// The header has a `crit`. No extension is supported.
    #[error("the token's header requires an unsupported extension (crit)")]
    CriticalExtension,
    /// The header asks for another encoding of the payload (`b64`, `zip`, `enc`).
    #[error("the token's header requires an unsupported encoding ({0})")]
    UnsupportedEncoding(&'static str),
    /// `typ` names another type of token.
    #[error("the token's typ is not the expected one")]
    WrongType,
    /// A required parameter is missing (`alg`, `typ`, `kid`).
    #[error("the token's header has no {0}")]
    Missing(&'static str),
    /// A parameter is not a string (`typ`, `kid`).
    #[error("the token's {0} is not a string")]
    NotText(&'static str),
}

/// Why genuine claims are rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClaimsError {
    /// A required claim is missing.
    #[error("the token has no {0}")]
    Missing(&'static str),
    /// A claim has the wrong JSON type, or is not a UUID where one is required.
    #[error("the token's {0} has the wrong format")]
    WrongShape(&'static str),
    /// `sub` is neither an account's UUID nor the `client_id` (see [`crate::Subject`]).
    #[error("the token's sub is neither an account nor the client")]
    UnknownSubject,
    /// The token is a client's but has claims of a sign-in: `sid`, `auth_time` or `amr`.
    #[error("the token belongs to a client but contains user claims")]
    ClientSignedIn,
    /// A time is not a number of seconds from 0 to 2^53 − 1.
    #[error("the token's {0} is not a numeric date")]
    NotANumericDate(&'static str),
    /// `iss` is not exactly the expected issuer.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// `aud` contains none of the expected audiences.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is in the future.
    #[error("the token was issued in the future")]
    IssuedInTheFuture,
}

/// A part of a compact JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The first.
    Header,
    /// The second.
    Claims,
    /// The third.
    Signature,
}

impl TokenError {
    /// Returns a stable name for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed(error) => error.code(),
            Self::Header(error) => error.code(),
            Self::UnknownKey => "unknown_key",
            Self::Signature(error) => error.code(),
            Self::Claims(error) => error.code(),
            Self::StatusList(error) => error.code(),
        }
    }
}

impl Malformed {
    const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::NotThreeParts => "not_three_parts",
            Self::NotBase64Url(_) => "not_base64url",
            Self::NotJson(_) => "not_json",
            Self::NotAnObject(_) => "not_an_object",
            Self::NotFinite(_) => "number_not_finite",
            Self::DuplicateMember(_) => "duplicate_member",
            Self::TooDeep(_) => "nested_too_deeply",
        }
    }
}

impl HeaderError {
    const fn code(self) -> &'static str {
        match self {
            Self::AlgorithmNone => "algorithm_none",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::EmbeddedKey(_) => "embedded_key",
            Self::CriticalExtension => "critical_extension",
            Self::UnsupportedEncoding(_) => "unsupported_encoding",
            Self::WrongType => "wrong_type",
            Self::Missing(_) => "header_parameter_missing",
            Self::NotText(_) => "header_parameter_not_text",
        }
    }
}

impl ClaimsError {
    const fn code(self) -> &'static str {
        match self {
            Self::Missing(_) => "claim_missing",
            Self::WrongShape(_) => "claim_wrong_shape",
            Self::UnknownSubject => "unknown_subject",
            Self::ClientSignedIn => "client_signed_in",
            Self::NotANumericDate(_) => "claim_not_numeric_date",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInTheFuture => "issued_in_the_future",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Header => "header",
            Self::Claims => "payload",
            Self::Signature => "signature",
        })
    }
}
