//! Proof Key for Code Exchange (RFC 7636), with the method `S256` only (RFC 9700 §2.1.1).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// A code challenge of the method `S256` (RFC 7636 §4.2): the SHA-256 of the verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeChallenge([u8; 32]);

/// The text is not a code challenge of the method `S256`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("code_challenge must be the SHA-256 of the code verifier in base64url without padding: 43 characters")]
pub struct InvalidCodeChallenge;

impl CodeChallenge {
    /// The only supported `code_challenge_method`.
    pub const METHOD: &str = "S256";

    /// Returns whether the verifier belongs to this challenge. A malformed one does not (RFC 7636 §4.1).
    pub fn verify(&self, verifier: &str) -> bool {
        is_verifier(verifier) && bool::from(digest(&SHA256, verifier.as_bytes()).as_ref().ct_eq(&self.0))
    }
}

/// RFC 7636 §4.1: `code-verifier = 43*128unreserved`.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

impl FromStr for CodeChallenge {
    type Err = InvalidCodeChallenge;

    fn from_str(text: &str) -> Result<Self, InvalidCodeChallenge> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCodeChallenge)?;
        bytes.try_into().map(Self).map_err(|_| InvalidCodeChallenge)
    }
}

impl TryFrom<String> for CodeChallenge {
    type Error = InvalidCodeChallenge;

    fn try_from(text: String) -> Result<Self, InvalidCodeChallenge> {
        text.parse()
    }
}

impl From<CodeChallenge> for String {
    fn from(challenge: CodeChallenge) -> Self {
        challenge.to_string()
    }
}

impl fmt::Display for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 7636, Appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn o_9_the_example_of_rfc_7636_is_verified() {
        let challenge: CodeChallenge = CHALLENGE.parse().unwrap();
        assert!(challenge.verify(VERIFIER));
        assert_eq!(challenge.to_string(), CHALLENGE);
    }

    #[test]
    fn o_9_everything_else_is_refused() {
        let challenge: CodeChallenge = CHALLENGE.parse().unwrap();
        let long = "a".repeat(129);
        for verifier in [
            "",
            CHALLENGE,
            &VERIFIER[..42],
            &long,
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk=",
            " dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk\0",
        ] {
            assert!(!challenge.verify(verifier), "{verifier:?}");
        }
        // A verifier that is malformed is refused, even if its hash is right.
        for verifier in ["a", &long, "ä".repeat(43).as_str(), "a b".repeat(20).as_str()] {
            let challenge = CodeChallenge(digest(&SHA256, verifier.as_bytes()).as_ref().try_into().unwrap());
            assert!(!challenge.verify(verifier), "{verifier:?}");
        }
        for text in [
            "",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cMM",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
            // The last character has bits that are not used: the same bytes in another way.
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN",
            " E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        ] {
            assert_eq!(text.parse::<CodeChallenge>(), Err(InvalidCodeChallenge), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn o_9_a_challenge_is_verified_by_its_verifier_only(verifier in "[A-Za-z0-9._~-]{43,128}", other in "[A-Za-z0-9._~-]{43,128}") {
            let hash = digest(&SHA256, verifier.as_bytes());
            let challenge: CodeChallenge = URL_SAFE_NO_PAD.encode(hash.as_ref()).parse().unwrap();
            prop_assert!(challenge.verify(&verifier));
            prop_assert_eq!(challenge.verify(&other), other == verifier);
        }
    }
}
