//! The three parts of a compact JWS (RFC 7515 §7.1), as text and as bytes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Malformed, Part};

/// The maximum length of an access token in bytes, when verifying and signing.
pub const MAX_TOKEN_LENGTH: usize = 8 * 1024;

/// The parts of a token, still encoded.
pub(crate) struct Compact<'a> {
    pub(crate) header: &'a str,
    pub(crate) claims: &'a str,
    pub(crate) signature: &'a str,
    /// The signed text: header, dot, claims.
    pub(crate) signed: &'a str,
}

/// Splits a token of at most `longest` bytes. The length is checked before anything is decoded.
pub(crate) fn split(token: &str, longest: usize) -> Result<Compact<'_>, Malformed> {
    if token.len() > longest {
        return Err(Malformed::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Malformed::NotThreeParts)?;
    let (header, claims) = signed.split_once('.').ok_or(Malformed::NotThreeParts)?;
    if claims.contains('.') {
        return Err(Malformed::NotThreeParts);
    }
    Ok(Compact {
        header,
        claims,
        signature,
        signed,
    })
}

/// RFC 7515 §2: base64url without padding, spaces or line breaks. Unused bits must be zero (RFC 4648 §3.5), so that
/// each token has exactly one encoding.
pub(crate) fn decode(part: Part, text: &str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Malformed::NotBase64Url(part))
}
