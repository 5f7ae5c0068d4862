//! The memory block of a hashing thread, and how it is returned to the operating system.
//!
//! glibc maps large allocations and unmaps them when freed, but each free raises the threshold for this, up to 32 MiB. Blocks
//! of 19 MiB then come from a heap that glibc never returns. Larger allocations are always mapped. A block therefore
//! *reserves* more than 32 MiB and touches only what it needs; the rest costs address space but no memory. (The `scrypt`
//! crate allocates its own memory. When imported scrypt hashes are verified, glibc may keep up to 64 MiB per thread;
//! `MALLOC_MMAP_THRESHOLD_=131072` in the environment prevents it.)

use argon2::Block;
use kevy_madvise::advise_hugepage;
use prometheus_client::metrics::gauge::Gauge;

/// Blocks of 1 KiB: beyond glibc's `DEFAULT_MMAP_THRESHOLD_MAX` of 32 MiB.
const ALWAYS_MAPPED: usize = 33 * 1024;

/// The memory of one thread. It is kept while the thread is busy and released when it is idle.
pub(super) struct Memory {
    blocks: Vec<Block>,
    held: Gauge,
}

impl Memory {
    /// Creates an empty block; `held` receives the number of allocated bytes.
    pub(super) fn new(held: Gauge) -> Self {
        Self {
            blocks: Vec::new(),
            held,
        }
    }

    /// Returns exactly `count` blocks of 1 KiB with undefined content, or `None` if memory is exhausted.
    pub(super) fn blocks(&mut self, count: usize) -> Option<&mut [Block]> {
        if self.blocks.len() < count {
            self.give_back();
            self.blocks.try_reserve_exact(count.max(ALWAYS_MAPPED)).ok()?;
            self.prefer_huge_pages();
            self.blocks.resize(count, Block::default());
            self.held.inc_by(self.bytes());
        }
        self.blocks.get_mut(..count)
    }

    /// Returns whether there is memory to release.
    pub(super) fn is_held(&self) -> bool {
        self.blocks.capacity() > 0
    }

    /// Returns all memory to the operating system.
    pub(super) fn give_back(&mut self) {
        self.held.dec_by(self.bytes());
        self.blocks = Vec::new();
    }

    /// Releases a block larger than `usual` blocks, which an imported hash may have needed once.
    pub(super) fn give_back_beyond(&mut self, usual: usize) {
        if self.blocks.len() > usual {
            self.give_back();
        }
    }

    /// Asks Linux for pages of 2 MiB before the block is first written. Argon2 visits it in an unpredictable order, which is
    /// slower with pages of 4 KiB (`docs/adr/0026-huge-pages-for-password-hashing.md`).
    fn prefer_huge_pages(&self) {
        advise_hugepage(self.blocks.as_ptr().cast(), self.blocks.capacity() * Block::SIZE);
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

    #[cfg(target_os = "linux")]
    #[test]
    fn huge_pages_are_preferred() {
        // Missing in kernels that are built without huge pages.
        if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage/enabled").exists() {
            return;
        }
        let mut memory = Memory::new(Gauge::default());
        let blocks = memory.blocks(19 * 1024).unwrap();
        let middle = std::ptr::from_ref(&blocks[blocks.len() / 2]).addr();
        // Each mapping: a line that starts with its range of addresses, and lines with its properties.
        let (mut is_ours, mut flags) = (false, None);
        for line in std::fs::read_to_string("/proc/self/smaps").unwrap().lines() {
            let address = |text: &str| usize::from_str_radix(text, 16).ok();
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            if let Some((start, end)) = range.and_then(|(start, end)| address(start).zip(address(end))) {
                is_ours = (start..end).contains(&middle);
            } else if let Some(found) = line.strip_prefix("VmFlags:").filter(|_| is_ours) {
                flags = Some(found.to_owned());
            }
        }
        let flags = flags.expect("the block is in a mapping");
        assert!(flags.split(' ').any(|flag| flag == "hg"), "{flags}");
    }

    #[test]
    fn memory_that_is_not_there_is_no_panic() {
        assert!(Memory::new(Gauge::default()).blocks(usize::MAX / 1024).is_none());
    }
}
