//! The rows of a checkpoint, and why one of them does not match.

use super::tampering::{RowName, Tampering};
use super::{Hash, SealedRow};

/// The rows before a checkpoint, and how many it sealed.
pub(super) struct Batch<'r> {
    pub(super) rows: &'r [SealedRow],
    pub(super) sealed: usize,
}

impl Batch<'_> {
    /// Returns why a row does not match its position: the right row may be another of the same batch.
    pub(super) fn diagnose(&self, row: &SealedRow, previous: Hash) -> Tampering {
        let name = RowName::of(row);
        let fits_here = |other: &&SealedRow| {
            let hash = other.hash_at(row.seq, previous);
            other.id != row.id && (hash == other.hash || hash == row.hash)
        };
        match self.rows.iter().find(fits_here) {
            Some(_) if self.rows.len() > self.sealed => Tampering::Inserted(name),
            Some(_) => Tampering::Moved(name),
            // Rows after the gap moved up with their hashes.
            None if self.rows.len() < self.sealed => Tampering::Removed(row.seq),
            None => Tampering::Changed(name),
        }
    }
}
