//! Every reason for which a token is refused, each with a name of its own. None holds a part of the token.

use std::fmt;

use thiserror::Error;

use crate::{SignatureError, StatusListError};

/// Why a token was refused, by the step that refused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is no compact JWS with JSON in it.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its header asks for something that is not done here.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Its `kid` names no key that the caller knows.
    #[error("the token's kid names no known key")]
    UnknownKey,
    /// Its signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It is genuine, and not for here and now.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// It is a genuine status list, and not the one that was asked for, or none that can be read.
    #[error(transparent)]
    StatusList(#[from] StatusListError),
}

/// Why a text is no compact JWS with JSON in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It is longer than a token of its kind may be ([`crate::TokenType::max_length`]).
    #[error("the token is too long")]
    TooLong,
    /// It has not exactly two dots. (With four of them it may be a JWE, which is not read here.)
    #[error("the token does not have three parts")]
    NotThreeParts,
    /// A part is not base64url as RFC 7515 §2 wants it: padded, with foreign characters, or with unused bits set.
    #[error("the token's {0} is not canonical base64url")]
    NotBase64Url(Part),
    /// A part is not JSON in UTF-8.
    #[error("the token's {0} is not JSON")]
    NotJson(Part),
    /// A part is JSON, but no object.
    #[error("the token's {0} is not a JSON object")]
    NotAnObject(Part),
    /// A number has no finite value, such as `1e400`.
    #[error("the token's {0} holds a number that is not finite")]
    NotFinite(Part),
    /// An object, at any depth, has two members of one name, of which two readers may believe different ones.
    #[error("the token's {0} names a member twice")]
    DuplicateMember(Part),
    /// Objects and arrays nest more than 16 deep.
    #[error("the token's {0} is nested too deeply")]
    TooDeep(Part),
}

/// Why a header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// `alg` is `none`, in any spelling.
    #[error("the token is not signed (alg none)")]
    AlgorithmNone,
    /// `alg` is anything else but the text `ES256`.
    #[error("the token's alg is not ES256")]
    WrongAlgorithm,
    /// The header brings or points to a key (`jwk`, `jku`, `x5u`, `x5c`), which is never used or fetched.
    #[error("the token's header brings its own key ({0})")]
    EmbeddedKey(&'static str),
    /// The header has a `crit`. No extension is understood here, so whatever it lists is not.
    #[error("the token's header asks for a critical extension")]
    CriticalExtension,
    /// The header asks for another encoding of the payload (`b64`, `zip`, `enc`).
    #[error("the token's header asks for an encoding that is not supported ({0})")]
    UnsupportedEncoding(&'static str),
    /// `typ` names another kind of token.
    #[error("the token's typ is of another kind")]
    WrongType,
    /// A parameter that must be there is not (`alg`, `typ`, `kid`).
    #[error("the token's header has no {0}")]
    Missing(&'static str),
    /// A parameter is not a string (`typ`, `kid`).
    #[error("the token's {0} is not a string")]
    NotText(&'static str),
}

/// Why genuine claims are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClaimsError {
    /// A claim that must be there is not.
    #[error("the token has no {0}")]
    Missing(&'static str),
    /// A claim is of another JSON type, or no UUID where one is due.
    #[error("the token's {0} has the wrong shape")]
    WrongShape(&'static str),
    /// `sub` is neither an account's UUID nor the `client_id` (see [`crate::Subject`]).
    #[error("the token's sub is neither an account nor the client")]
    UnknownSubject,
    /// The token is a client's, and has claims of a sign-in: `sid`, `auth_time` or `amr`.
    #[error("the token is a client's, and has claims of a sign-in")]
    ClientSignedIn,
    /// A time is no number of seconds from 0 to 2^53 − 1.
    #[error("the token's {0} is not a numeric date")]
    NotANumericDate(&'static str),
    /// `iss` is not exactly the expected issuer.
    #[error("the token is of another issuer")]
    WrongIssuer,
    /// `aud` holds none of the expected audiences.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `exp` has come.
    #[error("the token has expired")]
    Expired,
    /// `nbf` has not come yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` has not come yet.
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
    /// A stable name for logs and metrics.
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
