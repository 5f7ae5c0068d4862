//! `[status_lists]`: how verifiers in other processes learn that a session has ended.

use std::time::Duration;

use super::section::section;
use super::value_error::ValueError;
use super::values::Values;

section! {
    /// Status lists, which tell verifiers in other processes which sessions have ended.
    StatusLists "status_lists." {
        /// The number of sessions per list: a power of two, 1024 to 16777216. Existing lists keep their size.
        entries: u32 = "131072",
        /// How long verifiers that poll may cache a list: 5s to 1h. They may accept the tokens of an ended session for
        /// this long. Verifiers that long-poll learn of changes immediately.
        ttl: Duration = "30s",
        /// How long a list is valid, and thus how long verifiers keep working while this server is unreachable: 5m to 7d.
        #[warning = "an attacker who blocks a verifier's connection can delay a revocation for this long"]
        lifetime: Duration = "1h",
    }
}

impl StatusLists {
    pub(super) fn check(&self, values: &mut Values) {
        values.within("status_lists.entries", self.entries, 1024..=1 << 24);
        values.require(
            self.entries.is_power_of_two(),
            &["status_lists.entries"],
            ValueError::new("must be a power of two", "for example 131072"),
        );
        let minute = Duration::from_secs(60);
        values.within("status_lists.ttl", self.ttl, Duration::from_secs(5)..=60 * minute);
        values.within(
            "status_lists.lifetime",
            self.lifetime,
            5 * minute..=7 * 24 * 60 * minute,
        );
        values.require(
            // A list is signed again each quarter of its lifetime; a poll must fall into the rest.
            self.ttl <= self.lifetime / 4,
            &["status_lists.ttl", "status_lists.lifetime"],
            ValueError::new(
                "must be at most a quarter of status_lists.lifetime",
                "lower the ttl or raise the lifetime",
            ),
        );
    }
}
