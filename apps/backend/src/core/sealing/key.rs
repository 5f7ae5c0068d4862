//! A key with its precomputed values.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use zeroize::Zeroizing;

use super::purpose::{self, Purpose};

/// Long enough to distinguish keys; displayed and stored.
const ID_BYTES: usize = 8;
const ID_LABEL: &str = "countersign sealing key id";

/// A key of the ring. It has no `Debug`; [`SealingKey::id`] identifies it.
pub struct SealingKey {
    id: String,
    /// A ready-to-use key for each purpose.
    derived: [hmac::Key; purpose::COUNT],
}

impl SealingKey {
    /// Creates a key from 256 random bits.
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
            // HKDF-Expand of one block (RFC 5869 §2.3). The key is uniformly random, so no extraction is needed.
            derived: Purpose::ALL.map(|purpose| {
                let block = hmac::sign(&secret, &[purpose.label().as_bytes(), &[1]].concat());
                hmac::Key::new(HMAC_SHA256, block.as_ref())
            }),
        }
    }

    /// Returns the key's id: 16 hexadecimal digits computed from the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn derive(&self, purpose: Purpose, input: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut context = hmac::Context::with_key(&self.derived[purpose as usize]);
        for part in input {
            // Preceded by its length, so that different inputs have different encodings.
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let mut derived = Zeroizing::new([0; 32]);
        derived.copy_from_slice(context.sign().as_ref());
        derived
    }
}
