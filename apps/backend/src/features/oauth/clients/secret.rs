//! The secrets of clients. Ours have 256 random bits; an operator can import one of at least 32 characters.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use countersign_store::column;
use secrecy::{ExposeSecret, SecretString};

use crate::core::random::SecureRandom;
use crate::core::secret::{reveal, sha256};

const PREFIX: &str = "csc_";

/// A client's secret, shown once when it is made.
pub struct ClientSecret(SecretString);

/// SHA-256 of a secret as the client sends it. A secret is random, so it needs no slow hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash(pub(super) [u8; 32]);

column!(SecretHash as [u8; 32]);

impl ClientSecret {
    pub(super) fn generate(random: SecureRandom) -> Self {
        Self(reveal(PREFIX, &random.bytes::<32>()).into())
    }

    /// Returns the secret as text, for its holder.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    pub(super) fn hash(&self) -> SecretHash {
        SecretHash::of(self.reveal().as_bytes())
    }
}

impl SecretHash {
    /// Hashes a secret as a client sends it.
    pub(super) fn of(secret: &[u8]) -> Self {
        Self(sha256(secret))
    }

    /// Compares in constant time.
    pub(super) fn is(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}
