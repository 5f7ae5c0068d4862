//! Decodes a token without verifying it, for display in a terminal.

use serde_json::Value;

use super::compact::{decode, split};
use super::strict_json::read_object;
use super::{MAX_TOKEN_LENGTH, Malformed, Part};

/// The content of an unverified token.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Unverified {
    /// The header.
    pub header: Value,
    /// The payload.
    pub claims: Value,
}

/// Decodes a token of any type, up to the maximum length of an access token, WITHOUT VERIFYING ANYTHING: no signature, no
/// expiry, no issuer. Anyone can create such a token. Never base a decision on it; use [`crate::verify`].
///
/// A duplicate member is rejected here too, because only one of the two could be shown.
pub fn decode_without_verifying(token: &str) -> Result<Unverified, Malformed> {
    let parts = split(token, MAX_TOKEN_LENGTH)?;
    Ok(Unverified {
        header: object(Part::Header, parts.header)?,
        claims: object(Part::Claims, parts.claims)?,
    })
}

fn object(part: Part, text: &str) -> Result<Value, Malformed> {
    let json = decode(part, text)?;
    read_object(part, &json, |_, _| ())?;
    serde_json::from_slice(&json).map_err(|_| Malformed::NotJson(part))
}
