//! By what guesses are counted.

use aws_lc_rs::digest::{SHA256, digest};

/// Whose guesses: an address in its folded form, as a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject([u8; 32]);

impl Subject {
    /// The subject of an address.
    pub fn of(email_key: &str) -> Self {
        let mut subject = [0; 32];
        subject.copy_from_slice(digest(&SHA256, email_key.as_bytes()).as_ref());
        Self(subject)
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }
}
