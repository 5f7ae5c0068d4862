//! The server's symmetric keys, from which it derives secrets that must not be in the database.
//!
//! The feature `keys` reads and watches the files and updates this module (docs/adr/0016), which knows neither files nor the
//! database.
//!
//! Only derivation is used today. A value that must be read again, such as a TOTP secret, will be sealed here with
//! AES-256-GCM under its own [`Purpose`].

mod key;
mod purpose;

use std::iter;
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

pub use key::SealingKey;
pub use purpose::Purpose;

/// The current keys. Clones share them and follow the keys folder together.
#[derive(Clone)]
pub struct SealingKeys(Arc<RwLock<Arc<SealingRing>>>);

/// A snapshot of the keys.
pub struct SealingRing {
    /// The key for new values.
    pub active: Arc<SealingKey>,
    /// Previously active and future keys, newest first.
    pub others: Vec<Arc<SealingKey>>,
}

impl SealingKeys {
    /// Creates a ring with these keys.
    pub fn new(ring: SealingRing) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(ring))))
    }

    /// Derives 256 bits from `input` with the active key. The same parts give the same bits on every node; different parts,
    /// boundaries, purposes or keys give different ones.
    pub fn derive(&self, purpose: Purpose, input: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        self.ring().active.derive(purpose, input)
    }

    /// Returns the result of [`derive`](Self::derive) with each key, the active one first, to find values derived before a
    /// rotation or by a node that saw a rotation earlier. Each is computed on demand.
    pub fn derive_with_each(&self, purpose: Purpose, input: &[&[u8]]) -> impl Iterator<Item = Zeroizing<[u8; 32]>> {
        let ring = self.ring();
        let keys: Vec<_> = iter::once(&ring.active).chain(&ring.others).cloned().collect();
        keys.into_iter().map(move |key| key.derive(purpose, input))
    }

    /// Returns the id of the active key.
    pub fn active_id(&self) -> String {
        self.ring().active.id().to_owned()
    }

    /// Replaces the keys for all clones.
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

    /// Every later version must derive the same values, because a replay may reach a newer node.
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
