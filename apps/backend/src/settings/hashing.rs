//! `[hashing]`: the threads that hash passwords.

use super::section::section;
use super::values::Values;

section! {
    /// The threads that hash passwords, and their queue.
    Hashing "hashing." {
        /// How many passwords are hashed in parallel: 1 to 1024. Hashing uses up to this number times
        /// `passwords.memory_kib` of memory. More workers than cores only make each hash slower.
        #[default_is = "one per available core (limited by CPU affinity and cgroup quota)"]
        workers: usize = "1",
        /// How many requests may wait for a worker, 1 to 100000, in each of two queues: one for known clients (those on a
        /// network or device from which the account has signed in before), which has priority, and one for all others.
        /// Requests beyond that get 503 immediately.
        #[default_is = "64 per worker"]
        queue: usize = "64",
    }
}

impl Hashing {
    pub(super) fn check(&self, values: &mut Values) {
        values.within("hashing.workers", self.workers, 1..=1024);
        values.within("hashing.queue", self.queue, 1..=100_000);
    }
}
