//! Bits that another process has announced. They apply until the database has been read, which then decides. A revocation thus
//! applies everywhere even if the database becomes unavailable first. An attacker who can forge announcements can have tokens
//! rejected for a moment but cannot make any valid.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use super::Bit;

/// The maximum number kept. More can arrive only while the database is unavailable for a long time.
const MOST: usize = 100_000;

/// Announced but not yet read bits.
#[derive(Default)]
pub(super) struct Unconfirmed {
    /// Each bit, with the number of reads that had begun when it was announced.
    bits: RwLock<HashMap<Bit, u64>>,
    looks: AtomicU64,
}

impl Unconfirmed {
    pub(super) fn add(&self, heard: impl Iterator<Item = Bit>) {
        let looks = self.looks.load(Ordering::Acquire);
        let mut bits = self.bits.write().unwrap_or_else(PoisonError::into_inner);
        let room = MOST.saturating_sub(bits.len());
        bits.extend(heard.take(room).map(|bit| (bit, looks)));
    }

    pub(super) fn has(&self, bit: Bit) -> bool {
        let bits = self.bits.read().unwrap_or_else(PoisonError::into_inner);
        bits.contains_key(&bit)
    }

    /// Begins a read of the database, which contains every true announcement made before.
    pub(super) fn begin_look(&self) -> u64 {
        self.looks.fetch_add(1, Ordering::AcqRel) + 1
    }

    pub(super) fn end_look(&self, look: u64) {
        let mut bits = self.bits.write().unwrap_or_else(PoisonError::into_inner);
        bits.retain(|_, heard| *heard >= look);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_until_a_look_that_began_after_it() {
        let unconfirmed = Unconfirmed::default();
        let (early, late) = (Bit { list: 1, idx: 1 }, Bit { list: 1, idx: 2 });
        unconfirmed.add([early].into_iter());
        let look = unconfirmed.begin_look();
        unconfirmed.add([late].into_iter());
        assert!(unconfirmed.has(early) && unconfirmed.has(late));
        unconfirmed.end_look(look);
        assert!(!unconfirmed.has(early), "the look has seen whether it is true");
        assert!(unconfirmed.has(late), "the look may have missed it");
        let look = unconfirmed.begin_look();
        unconfirmed.end_look(look);
        assert!(!unconfirmed.has(late));
    }

    #[test]
    fn a_storm_of_words_is_bounded() {
        let unconfirmed = Unconfirmed::default();
        unconfirmed.add((0..).map(|idx| Bit { list: 1, idx }).take(2 * MOST));
        unconfirmed.add((0..10).map(|idx| Bit { list: 2, idx }));
        assert_eq!(unconfirmed.bits.read().unwrap().len(), MOST);
    }
}
