//! The server's own symmetric keys: what it derives secrets from that must not be in the database.
//!
//! The feature `keys` reads and follows the files, and puts what it finds in here (docs/adr/0016). This module knows
//! neither files nor the database.
//!
//! Only derivation has a user today. A value that must be read again, such as a TOTP secret, will be sealed here with
//! AES-256-GCM under a key of its own [`Purpose`].

mod key;
mod purpose;

use std::iter;
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

pub use key::SealingKey;
pub use purpose::Purpose;

/// The keys as they are now. Clones share them, and follow the keys folder together.
#[derive(Clone)]
pub struct SealingKeys(Arc<RwLock<Arc<SealingRing>>>);

/// The keys of one moment.
pub struct SealingRing {
    /// The key for everything that is made now.
    pub active: Arc<SealingKey>,
    /// Keys that were active, and keys that will be, the newest first.
    pub others: Vec<Arc<SealingKey>>,
}

impl SealingKeys {
    /// Keys that begin as these.
    pub fn new(ring: SealingRing) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(ring))))
    }

    /// Derives 256 bits from `input` with the active key. The same parts give the same bits, on every node; other parts,
    /// other boundaries between them, another purpose or another key give other ones.
    pub fn derive(&self, purpose: Purpose, input: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        self.ring().active.derive(purpose, input)
    }

    /// What [`derive`](Self::derive) gives with each key, the active one first: for a node to find what was derived
    /// before a rotation, or by a node that has seen a rotation earlier. Each is computed when it is asked for.
    pub fn derive_with_each(&self, purpose: Purpose, input: &[&[u8]]) -> impl Iterator<Item = Zeroizing<[u8; 32]>> {
        let ring = self.ring();
        let keys: Vec<_> = iter::once(&ring.active).chain(&ring.others).cloned().collect();
        keys.into_iter().map(move |key| key.derive(purpose, input))
    }

    /// The id of the active key.
    pub fn active_id(&self) -> String {
        self.ring().active.id().to_owned()
    }

    /// Replaces the keys, for all clones.
    pub fn put(&self, ring: SealingRing) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    fn ring(&self) -> Arc<SealingRing> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PURPOSE: Purpose = Purpose::RefreshSuccessor;

    fn key(byte: u8) -> Arc<SealingKey> {
        Arc::new(SealingKey::new(&[byte; 32]))
    }

    fn keys(active: u8, others: &[u8]) -> SealingKeys {
        SealingKeys::new(SealingRing {
            active: key(active),
            others: others.iter().map(|byte| key(*byte)).collect(),
        })
    }

    #[test]
    fn the_same_parts_give_the_same_bits_and_other_parts_other_ones() {
        let derive = |key: u8, input: &[&[u8]]| *keys(key, &[]).derive(PURPOSE, input);
        assert_eq!(derive(1, &[b"ab", b"c"]), derive(1, &[b"ab", b"c"]));
        let mut seen = vec![derive(2, &[b"ab", b"c"])];
        let others: [&[&[u8]]; 6] = [
            &[],
            &[b""],
            &[b"abc"],
            &[b"ab", b"c"],
            &[b"a", b"bc"],
            &[b"ab", b"c", b""],
        ];
        for input in others {
            let derived = derive(1, input);
            assert!(!seen.contains(&derived), "{input:?}");
            seen.push(derived);
        }
    }

    /// What is derived today must be derived by every later version: a replay may reach a newer node.
    #[test]
    fn what_is_derived_never_changes() {
        let derived = keys(7, &[]).derive(PURPOSE, &[b"family", b"secret"]);
        let hex: String = derived.iter().map(|byte| format!("{byte:02x}")).collect();
        insta::assert_snapshot!(hex, @"e875a441882f10cccc0f1cc865c8ab000627c2d656ffd519e4140112a840c0f6");
        insta::assert_snapshot!(key(7).id(), @"4ec991a474f5c545");
    }

    #[test]
    fn every_key_is_tried_and_the_active_one_first() {
        let input: &[&[u8]] = &[b"input"];
        let with = |key: u8| *keys(key, &[]).derive(PURPOSE, input);
        let ring = keys(2, &[3, 1]);
        let each: Vec<_> = ring.derive_with_each(PURPOSE, input).map(|derived| *derived).collect();
        assert_eq!(each, [with(2), with(3), with(1)]);
        let clone = ring.clone();
        ring.put(SealingRing {
            active: key(3),
            others: vec![],
        });
        assert_eq!(*clone.derive(PURPOSE, input), with(3));
        assert_eq!(clone.derive_with_each(PURPOSE, input).count(), 1);
    }
}
