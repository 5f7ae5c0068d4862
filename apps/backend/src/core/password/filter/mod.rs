//! The offline filter of common and breached passwords: a binary fuse filter embedded in the binary.
//! `scripts/build-password-filter` builds it and documents its format; NOTICE.md lists its sources.
//! It never misses a listed password, and rejects about one in 65,536 others.

use aws_lc_rs::digest::{Context, SHA256};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Returns whether a password (in NFC) is listed, ignoring case.
pub(super) fn holds(password: &str) -> bool {
    let folded: Zeroizing<String> = Zeroizing::new(Zeroizing::new(password.to_lowercase()).nfc().collect());
    COMMON.holds(COMMON.key(&folded))
}

/// Read and checked at compile time: a damaged file fails the build.
const COMMON: Filter = Filter::read(include_bytes!("common.fuse"));

const HEADER: usize = 32;

#[derive(Clone, Copy)]
struct Filter {
    segment_length: u32,
    segment_count_length: u32,
    seed: [u8; 8],
    slots: &'static [u8],
}

impl Filter {
    const fn read(file: &'static [u8]) -> Self {
        let (header, slots) = file.split_at(HEADER);
        assert!(
            matches!(header, [b'C', b'S', b'P', b'F', 1, 0, 0, 0, ..]),
            "not a filter of version 1"
        );
        let (segment_length, segment_count_length) = (number_at(header, 8), number_at(header, 12));
        assert!(segment_length.is_power_of_two() && segment_count_length.is_multiple_of(segment_length));
        assert!(slots.len() == 2 * number_at(header, 16) as usize);
        assert!(number_at(header, 16) == segment_count_length + 2 * segment_length);
        let (low, high) = (number_at(header, 24).to_le_bytes(), number_at(header, 28).to_le_bytes());
        let seed = [low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3]];
        Self {
            segment_length,
            segment_count_length,
            seed,
            slots,
        }
    }

    fn key(&self, folded: &str) -> u64 {
        let mut digest = Context::new(&SHA256);
        digest.update(b"countersign-password-filter-1:");
        digest.update(&self.seed);
        digest.update(folded.as_bytes());
        digest
            .finish()
            .as_ref()
            .iter()
            .take(8)
            .rev()
            .fold(0, |key, byte| (key << 8) | u64::from(*byte))
    }

    /// A key is present if its three slots combine to its fingerprint.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the upper half of a product, and the lower bits of a hash"
    )]
    fn holds(&self, key: u64) -> bool {
        let [length, mask] = [u64::from(self.segment_length), u64::from(self.segment_length) - 1];
        let first = ((u128::from(key) * u128::from(self.segment_count_length)) >> 64) as u64;
        let places = [
            first,
            (first + length) ^ ((key >> 18) & mask),
            (first + 2 * length) ^ (key & mask),
        ];
        let fingerprint = (key ^ (key >> 32)) as u16;
        places
            .into_iter()
            .fold(fingerprint, |sum, place| sum ^ self.slot(place))
            == 0
    }

    /// All indexes are in range: the first is below `segment_count_length`, and the file has two more segments.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the file, and so each place in it, is far smaller than any usize"
    )]
    fn slot(&self, place: u64) -> u16 {
        let at = 2 * place as usize;
        self.slots
            .get(at..at + 2)
            .map_or(0, |slot| u16::from_le_bytes([slot[0], slot[1]]))
    }
}

const fn number_at(header: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_5_the_filter_contains_the_most_common_passwords() {
        let most_used = [
            "12345678",
            "123456789",
            "password",
            "iloveyou",
            "princess",
            "sunshine",
            "football",
            "qwertyuiop",
            "baseball",
            "trustno1",
            "superman",
            "1qaz2wsx",
            "password1",
            "correcthorsebatterystaple",
            "qwerty123",
            "michelle",
        ];
        for password in most_used {
            assert!(holds(password), "{password}");
            assert!(holds(&password.to_uppercase()), "{password} in capitals");
        }
    }

    #[test]
    fn a_million_others_are_almost_all_let_through() {
        // Expected: 1,000,000 / 65,536 = 15.3. The texts are fixed, so the count is too. Folding would not change them.
        let refused = (0..1_000_000)
            .filter(|number| COMMON.holds(COMMON.key(&format!("no list has this one {number}"))))
            .count();
        assert!((1..=40).contains(&refused), "{refused} of a million");
    }

    #[test]
    fn the_file_is_as_small_as_promised() {
        assert!(HEADER + COMMON.slots.len() < 400 * 1024);
    }
}
