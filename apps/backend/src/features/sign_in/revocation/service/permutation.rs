//! The order in which the indexes of a list are assigned: a keyed permutation, so that an index does not reveal when its session
//! was opened, nor how many were opened between two of them.

use aws_lc_rs::digest::{Context, SHA256};

/// Enough rounds for a Feistel network with a pseudorandom round function (Luby and Rackoff: four).
const ROUNDS: u8 = 6;

/// A bijection of `0..entries`, where `entries` is a power of two.
pub(super) struct Permutation {
    key: Vec<u8>,
    entries: u64,
    half: u32,
}

impl Permutation {
    pub(super) fn new(key: Vec<u8>, entries: u64) -> Self {
        let bits = entries.next_power_of_two().trailing_zeros();
        Self {
            key,
            entries,
            half: bits.div_ceil(2),
        }
    }

    /// Returns the index at this position.
    pub(super) fn place(&self, position: u64) -> u64 {
        // The network permutes an even number of bits. With an odd number, half of its range is out of bounds and is skipped
        // by cycle walking: the cycle of a valid position returns to a valid one.
        let mut place = self.shuffle(position);
        while place >= self.entries {
            place = self.shuffle(place);
        }
        place
    }

    fn shuffle(&self, value: u64) -> u64 {
        let mask = (1 << self.half) - 1;
        let (mut left, mut right) = (value >> self.half, value & mask);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ (self.mix(round, right) & mask));
        }
        left << self.half | right
    }

    fn mix(&self, round: u8, half: u64) -> u64 {
        let mut hash = Context::new(&SHA256);
        hash.update(&self.key);
        hash.update(&[round]);
        hash.update(&half.to_be_bytes());
        let digest = hash.finish();
        digest
            .as_ref()
            .iter()
            .take(8)
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_comes_once() {
        for entries in [2, 1024, 2048, 1 << 13] {
            let permutation = Permutation::new(vec![7; 32], entries);
            let mut places: Vec<u64> = (0..entries).map(|position| permutation.place(position)).collect();
            let ascending = places.windows(2).filter(|pair| pair[0] < pair[1]).count() as u64;
            assert!(
                entries == 2 || (entries / 4..entries / 4 * 3).contains(&ascending),
                "{ascending} of {entries}"
            );
            places.sort_unstable();
            assert!(places.into_iter().eq(0..entries), "{entries}");
        }
    }

    #[test]
    fn another_key_gives_another_order() {
        let places = |key: u8| -> Vec<u64> {
            let permutation = Permutation::new(vec![key; 32], 1024);
            (0..16).map(|position| permutation.place(position)).collect()
        };
        assert_ne!(places(1), places(2));
    }
}
