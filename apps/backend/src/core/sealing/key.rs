//! One key, with what is computed of it once.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use zeroize::Zeroizing;

use super::purpose::{self, Purpose};

/// Enough to tell keys apart; it is shown and stored.
const ID_BYTES: usize = 8;
const ID_LABEL: &str = "countersign sealing key id";

/// A key of the ring. It has no `Debug`; [`SealingKey::id`] names it.
pub struct SealingKey {
    id: String,
    /// A key for each purpose, ready to use.
    derived: [hmac::Key; purpose::COUNT],
}

impl SealingKey {
    /// The key of these 256 random bits.
    pub fn new(secret: &[u8; 32]) -> Self {
        let secret = hmac::Key::new(HMAC_SHA256, secret);
        let id = hmac::sign(&secret, ID_LABEL.as_bytes());
        Self {
            id: id
                .as_ref()
                .iter()
                .take(ID_BYTES)
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            // HKDF-Expand of one block (RFC 5869 §2.3); the key is uniformly random, so nothing needs to be extracted.
            derived: Purpose::ALL.map(|purpose| {
                let block = hmac::sign(&secret, &[purpose.label().as_bytes(), &[1]].concat());
                hmac::Key::new(HMAC_SHA256, block.as_ref())
            }),
        }
    }

    /// The key's name: 16 hexadecimal digits, computed from the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn derive(&self, purpose: Purpose, input: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut context = hmac::Context::with_key(&self.derived[purpose as usize]);
        for part in input {
            // With its length before it, so that no two inputs read alike.
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let mut derived = Zeroizing::new([0; 32]);
        derived.copy_from_slice(context.sign().as_ref());
        derived
    }
}
