//! The signature algorithms of what we sign.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The algorithm of the tokens that a client verifies: ID tokens, signed responses of the userinfo endpoint, and logout tokens.
/// Everything else is signed with ES256.
///
/// It selects the key that signs. No function verifies with an algorithm that a caller passes: each type of key has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SigningAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256: the default of OpenID Connect (Registration §2), and the only one that many clients
    /// know.
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA with P-256 and SHA-256: shorter and faster.
    #[serde(rename = "ES256")]
    Es256,
}

impl SigningAlg {
    /// All algorithms.
    pub const ALL: &[Self] = &[Self::Rs256, Self::Es256];

    /// Returns the value of `alg` (RFC 7518 §3.1).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

impl FromStr for SigningAlg {
    type Err = String;

    /// # Errors
    /// A sentence that names the supported values.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "RS256" => Ok(Self::Rs256),
            "ES256" => Ok(Self::Es256),
            _ => Err("must be one of: RS256, ES256".to_owned()),
        }
    }
}

impl fmt::Display for SigningAlg {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
