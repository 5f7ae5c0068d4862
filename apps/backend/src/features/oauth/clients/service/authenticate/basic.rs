//! `client_secret_basic` (RFC 6749 §2.3.1): HTTP Basic with the client's id and secret, both form-encoded.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode;
use zeroize::Zeroizing;

/// Base64 with or without its padding, which some clients leave out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The possible readings of a secret.
pub(super) type Secret = Vec<Zeroizing<Vec<u8>>>;

/// The client and the secret of a header.
pub(super) struct Basic {
    pub client_id: String,
    pub secret: Secret,
}

/// Reads a header; `None` if it is not Basic. Many clients do not encode the secret like a form, so it is read with and without
/// the encoding. A `client_id` has no character that the encoding changes.
pub(super) fn read(header: &[u8]) -> Option<Basic> {
    let (scheme, encoded) = header.split_at_checked(b"basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = Zeroizing::new(BASE64.decode(encoded.trim_ascii()).ok()?);
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let (client_id, secret) = (&decoded[..colon], &decoded[colon + 1..]);
    let client_id = String::from_utf8(form_decoded(client_id).to_vec()).ok()?;
    // PostgreSQL rejects this character, and no client id contains it.
    if client_id.contains('\0') {
        return None;
    }
    Some(Basic {
        client_id,
        secret: vec![form_decoded(secret), Zeroizing::new(secret.to_vec())],
    })
}

/// Decodes `application/x-www-form-urlencoded`.
fn form_decoded(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let spaced: Zeroizing<Vec<u8>> = Zeroizing::new(
        text.iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect(),
    );
    Zeroizing::new(percent_decode(&spaced).collect())
}
