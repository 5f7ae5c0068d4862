//! Bits that another process says it has set. They are believed until the database has been read: then what was read
//! counts, and a word that was false is forgotten. So a revocation holds everywhere even if the database goes away before
//! anybody could look; and who can forge such words can have tokens refused for a moment, and give none back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use super::Bit;

/// How many are remembered. More can come only while the database is away for long.
const MOST: usize = 100_000;

/// What was heard, and is not yet read.
#[derive(Default)]
pub(super) struct Unconfirmed {
    /// Each bit, with the number of looks that had begun when it was heard.
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

    /// A look at the database begins. Everything that was heard before is in it, if it is true.
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
