//! `[hashing]`: the threads that hash passwords.

use super::section::section;
use super::values::Values;

section! {
    /// The threads that hash passwords, and who may wait for them.
    Hashing "hashing." {
        /// How many passwords are hashed at once: 1 to 1024.
        #[danger = "memory in use is this times `passwords.memory_kib`; more than the cores only makes each one slower"]
        #[default_is = "one per core that the process may use (affinity, cgroup quota)"]
        workers: usize = "1",
        /// How many may wait, 1 to 100000: so many of those who are known here (of an account that signed in from their
        /// network before), who go first, and as many of all others. Who comes after them is answered 503 at once.
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
