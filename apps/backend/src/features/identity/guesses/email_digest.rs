//! The key by which guesses are counted.

use aws_lc_rs::digest::{SHA256, digest};

/// The digest of a folded email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmailDigest([u8; 32]);

impl EmailDigest {
    /// Computes the digest of a folded email address.
    pub fn of(email_key: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, email_key.as_bytes()).as_ref());
        Self(hash)
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }
}
