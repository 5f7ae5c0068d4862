//! `[hashing]`: the threads that hash passwords.

use super::section::section;
use super::values::Values;

section! {
    /// The threads that hash passwords, and their queue.
    Hashing "hashing." {
        /// How many passwords are hashed in parallel: 1 to 1024.
        /// Memory use is this times `passwords.memory_kib`. More workers than cores only make each hash slower.
        #[default_is = "one per available core (CPU affinity and cgroup quota count)"]
        workers: usize = "1",
        /// How many requests may wait for a worker, 1 to 100000, in each of two queues: one for known clients (whose
        /// account signed in from their network before), which goes first, and one for all others. Requests beyond that get
        /// 503 immediately.
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
