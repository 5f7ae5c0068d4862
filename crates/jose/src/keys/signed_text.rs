//! The text that a signature covers, and the token that it becomes (RFC 7515 §7.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::SignError;
use crate::{SigningAlg, TokenType};

/// The encoded header and claims of a token, before it is signed.
pub(super) struct SignedText(String);

impl SignedText {
    /// Encodes the header `{"alg":…,"typ":…,"kid":…}` and the claims. `signature` is the length of the signature in bytes.
    pub(super) fn new(
        alg: SigningAlg,
        typ: TokenType,
        kid: &str,
        claims: &impl Serialize,
        signature: usize,
    ) -> Result<Self, SignError> {
        let claims = serde_json::to_vec(claims).map_err(|_| SignError::NotAnObject)?;
        if claims.first() != Some(&b'{') {
            return Err(SignError::NotAnObject);
        }
        // Neither algorithms, type names nor thumbprints contain characters that JSON escapes.
        let header = format!(r#"{{"alg":"{}","typ":"{}","kid":"{kid}"}}"#, alg.as_str(), typ.name());
        let length = encoded(header.len()) + 1 + encoded(claims.len()) + 1 + encoded(signature);
        if length > typ.max_length() {
            return Err(SignError::TooLong);
        }
        let mut text = String::with_capacity(length);
        URL_SAFE_NO_PAD.encode_string(header, &mut text);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(&claims, &mut text);
        Ok(Self(text))
    }

    /// Returns the text that is signed.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Returns the token with this signature.
    pub(super) fn with(self, signature: &[u8]) -> String {
        let mut token = self.0;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

/// The length of base64url without padding.
const fn encoded(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}
