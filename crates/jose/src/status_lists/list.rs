//! The array itself (draft-ietf-oauth-status-list §4.1).

use std::fmt;

/// The maximum size of a list in bytes, in memory and inflated: 2^27 tokens at one bit each.
pub const MAX_STATUS_LIST_BYTES: usize = 16 << 20;

/// The statuses of tokens, in 1, 2, 4 or 8 bits each. Status 0 is VALID, 1 is INVALID (§7.1).
///
/// Its `Debug` shows only the size.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusList {
    bits: u8,
    bytes: Vec<u8>,
}

impl StatusList {
    /// Creates a list with one bit for each of `entries` tokens, rounded up to whole bytes, all VALID. `None` if that exceeds
    /// [`MAX_STATUS_LIST_BYTES`].
    pub fn with_capacity(entries: usize) -> Option<Self> {
        Self::from_bytes(1, vec![0; entries.div_ceil(8).min(MAX_STATUS_LIST_BYTES + 1)])
    }

    /// Creates a list from its bytes. `None` if `bits` is not 1, 2, 4 or 8, or there are more than
    /// [`MAX_STATUS_LIST_BYTES`].
    pub fn from_bytes(bits: u8, bytes: Vec<u8>) -> Option<Self> {
        let good = matches!(bits, 1 | 2 | 4 | 8) && bytes.len() <= MAX_STATUS_LIST_BYTES;
        good.then_some(Self { bits, bytes })
    }

    /// Sets the status of a token to INVALID. Returns `false` if the index is out of range.
    #[must_use = "a token that the list has no place for was not taken back"]
    pub fn set(&mut self, idx: u64) -> bool {
        let Some((byte, shift)) = self.place(idx) else {
            return false;
        };
        self.bytes[byte] = self.bytes[byte] & !(self.mask() << shift) | 1 << shift;
        true
    }

    /// Returns the status of a token; `None` if the index is out of range.
    pub fn status(&self, idx: u64) -> Option<u8> {
        let (byte, shift) = self.place(idx)?;
        Some(self.bytes[byte] >> shift & self.mask())
    }

    /// Returns the number of entries.
    pub fn entries(&self) -> usize {
        self.bytes.len() * usize::from(8 / self.bits)
    }

    /// Returns the bits per status: 1, 2, 4 or 8.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// Returns the array.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// §4.1: statuses fill a byte starting at its lowest bit. Returns the byte's index and the shift.
    fn place(&self, idx: u64) -> Option<(usize, u8)> {
        let per_byte = u64::from(8 / self.bits);
        let byte = usize::try_from(idx / per_byte).ok()?;
        let shift = u8::try_from(idx % per_byte).ok()? * self.bits;
        (byte < self.bytes.len()).then_some((byte, shift))
    }

    fn mask(&self) -> u8 {
        u8::MAX >> (8 - self.bits)
    }
}

impl fmt::Debug for StatusList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StatusList")
            .field("bits", &self.bits)
            .field("entries", &self.entries())
            .finish_non_exhaustive()
    }
}
