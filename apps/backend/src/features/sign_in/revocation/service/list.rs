//! A list in memory.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use countersign_jose::StatusList;
use http::HeaderValue;
use tokio::sync::{Mutex, watch};

use crate::core::clock::Timestamp;
use crate::features::sign_in::revocation::store::ListRow;

/// A signed list as sent to verifiers.
pub(in crate::features::sign_in::revocation) struct PublishedList {
    /// The compact JWS.
    pub(in crate::features::sign_in::revocation) body: Bytes,
    /// Identifies the version of the bits, the signing period and the key. It is the same on every server.
    pub(in crate::features::sign_in::revocation) etag: HeaderValue,
    pub(super) signed_at: Timestamp,
}

/// The bits of a list, read and set without a lock.
pub(super) struct List {
    pub(super) number: i64,
    entries: u64,
    bits: Box<[AtomicU8]>,
    /// Whether it belongs to an earlier generation, in which every session has ended.
    over: AtomicBool,
    /// The number of the last revocation that `bits` is guaranteed to contain. Clients wait for its changes.
    version: watch::Sender<i64>,
    pub(super) published: RwLock<Option<Arc<PublishedList>>>,
    /// Held while the next one is signed.
    pub(super) publishing: Mutex<()>,
}

impl List {
    pub(super) fn new(row: &ListRow) -> Self {
        let entries = u64::try_from(row.entries).unwrap_or(0);
        let bytes = usize::try_from(entries.div_ceil(8)).unwrap_or(0);
        Self {
            number: row.number,
            entries,
            bits: (0..bytes).map(|_| AtomicU8::new(0)).collect(),
            over: AtomicBool::new(false),
            version: watch::Sender::new(row.version),
            published: RwLock::default(),
            publishing: Mutex::default(),
        }
    }

    /// Returns whether the bit at this index is set; `None` if the index is out of range.
    pub(super) fn is_set(&self, idx: u64) -> Option<bool> {
        let (byte, mask) = self.cell(idx)?;
        Some(self.is_over() || byte.load(Ordering::Acquire) & mask != 0)
    }

    pub(super) fn set(&self, idx: u64) {
        if let Some((byte, mask)) = self.cell(idx) {
            byte.fetch_or(mask, Ordering::AcqRel);
        }
    }

    /// Ends all sessions in the list, because its generation is over.
    pub(super) fn end(&self, version: i64) {
        self.over.store(true, Ordering::Release);
        self.has_reached(version);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Records that the bits contain all revocations up to this number.
    pub(super) fn has_reached(&self, version: i64) {
        self.version.send_if_modified(|now| {
            let rises = version > *now;
            *now = version.max(*now);
            rises
        });
    }

    pub(super) fn version(&self) -> i64 {
        *self.version.borrow()
    }

    /// Returns a receiver that is notified when the version increases.
    pub(super) fn changes(&self) -> watch::Receiver<i64> {
        self.version.subscribe()
    }

    /// Returns the bits to publish, unless there are too many.
    pub(super) fn bits(&self) -> Option<StatusList> {
        let over = if self.is_over() { u8::MAX } else { 0 };
        let bytes = self
            .bits
            .iter()
            .map(|byte| over | byte.load(Ordering::Acquire))
            .collect();
        StatusList::from_bytes(1, bytes)
    }

    pub(super) fn last_published(&self) -> Option<Arc<PublishedList>> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the byte and mask of a bit. draft-ietf-oauth-status-list §4.1: the first entry is the least significant bit
    /// of the first byte.
    fn cell(&self, idx: u64) -> Option<(&AtomicU8, u8)> {
        let byte = usize::try_from(idx / 8).ok()?;
        (idx < self.entries)
            .then(|| self.bits.get(byte))?
            .map(|cell| (cell, 1 << (idx % 8)))
    }
}
