//! The block of memory that one hashing thread works in, and its way back to the operating system.
//!
//! glibc maps large allocations and unmaps them when they are freed, but each such free raises the size from which it
//! does so, up to 32 MiB; from then on blocks of 19 MiB come from a heap that it never gives back. What is larger than
//! 32 MiB is always mapped. So a block always *reserves* more than that and touches only what it needs: the rest costs
//! address space and no memory. (The `scrypt` crate allocates for itself. Where imported scrypt hashes are verified,
//! glibc may keep up to 64 MiB for each thread that did; `MALLOC_MMAP_THRESHOLD_=131072` in the environment prevents it.)

use argon2::Block;
use prometheus_client::metrics::gauge::Gauge;

/// Blocks of 1 KiB: beyond glibc's `DEFAULT_MMAP_THRESHOLD_MAX` of 32 MiB.
const ALWAYS_MAPPED: usize = 33 * 1024;

/// Memory of one thread. It is kept while the thread is busy and given back when it has been idle.
pub(super) struct Memory {
    blocks: Vec<Block>,
    held: Gauge,
}

impl Memory {
    /// Holds nothing yet; `held` is told in bytes what is held.
    pub(super) fn new(held: Gauge) -> Self {
        Self {
            blocks: Vec::new(),
            held,
        }
    }

    /// Exactly `count` blocks of 1 KiB with anything in them, or none if the system has no more memory.
    pub(super) fn blocks(&mut self, count: usize) -> Option<&mut [Block]> {
        if self.blocks.len() < count {
            self.give_back();
            self.blocks.try_reserve_exact(count.max(ALWAYS_MAPPED)).ok()?;
            self.blocks.resize(count, Block::default());
            self.held.inc_by(self.bytes());
        }
        self.blocks.get_mut(..count)
    }

    /// Whether there is anything to give back.
    pub(super) fn is_held(&self) -> bool {
        self.blocks.capacity() > 0
    }

    /// Gives all of it back to the operating system.
    pub(super) fn give_back(&mut self) {
        self.held.dec_by(self.bytes());
        self.blocks = Vec::new();
    }

    /// Gives back a block that was larger than `usual` blocks: an imported hash may ask for much, once.
    pub(super) fn give_back_beyond(&mut self, usual: usize) {
        if self.blocks.len() > usual {
            self.give_back();
        }
    }

    fn bytes(&self) -> i64 {
        i64::try_from(self.blocks.len() * Block::SIZE).unwrap_or(i64::MAX)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_reserved_large_and_counted_small() {
        let held = Gauge::default();
        let mut memory = Memory::new(held.clone());
        assert_eq!(memory.blocks(64).map(|blocks| blocks.len()), Some(64));
        assert!(memory.blocks.capacity() >= ALWAYS_MAPPED);
        assert_eq!(held.get(), 64 * 1024);
        memory.give_back_beyond(64);
        assert_eq!(memory.blocks(8).map(|blocks| blocks.len()), Some(8));
        assert_eq!(held.get(), 64 * 1024, "a smaller wish is served from the same block");
        memory.give_back_beyond(63);
        assert_eq!((held.get(), memory.is_held()), (0, false));
    }

    #[test]
    fn memory_that_is_not_there_is_no_panic() {
        assert!(Memory::new(Gauge::default()).blocks(usize::MAX / 1024).is_none());
    }
}
