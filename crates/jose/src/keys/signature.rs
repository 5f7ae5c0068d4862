//! The 64 bytes of an ES256 signature, `r ‖ s` (RFC 7518 §3.4), and the checks before any arithmetic.

use thiserror::Error;

const NUMBER_LENGTH: usize = 32;

/// n, the order of P-256 (SP 800-186 §3.2.1.3).
const ORDER: [u8; NUMBER_LENGTH] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Why a signature is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// It is not as long as a signature of this key: 64 bytes for ES256, the length of the modulus for RS256.
    #[error("the signature has the wrong length for this key")]
    WrongLength,
    /// It is an ASN.1 structure, like ECDSA signatures outside JOSE.
    #[error("the signature is DER, not the 64 bytes of RFC 7518")]
    Der,
    /// Its r or its s is zero, or not below the order of the curve.
    #[error("the signature's numbers are out of range")]
    OutOfRange,
    /// It is well-formed but was not made by this key over this text.
    #[error("the signature does not match")]
    Mismatch,
}

impl SignatureError {
    /// Returns a stable name for logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WrongLength => "signature_wrong_length",
            Self::Der => "signature_der",
            Self::OutOfRange => "signature_out_of_range",
            Self::Mismatch => "signature_mismatch",
        }
    }
}

/// Checks length and range (FIPS 186-5 §6.4.2 step 1), so that a library with a bug like CVE-2022-21449 does no harm.
pub(super) fn check_form(signature: &[u8]) -> Result<(), SignatureError> {
    if signature.len() != 2 * NUMBER_LENGTH {
        return Err(if is_der(signature) {
            SignatureError::Der
        } else {
            SignatureError::WrongLength
        });
    }
    let (r, s) = signature.split_at(NUMBER_LENGTH);
    if in_range(r) && in_range(s) {
        Ok(())
    } else {
        Err(SignatureError::OutOfRange)
    }
}

/// Returns whether this is a SEQUENCE whose length matches.
fn is_der(signature: &[u8]) -> bool {
    matches!(signature, [0x30, length, rest @ ..] if usize::from(*length) == rest.len())
}

/// `0 < number < n`. Big-endian numbers of equal length compare like their bytes.
fn in_range(number: &[u8]) -> bool {
    number.iter().any(|&byte| byte != 0) && number < ORDER.as_slice()
}
