//! `[status_lists]`: how verifiers in other processes learn that a session has ended.

use std::time::Duration;

use super::section::section;
use super::value_error::ValueError;
use super::values::Values;

section! {
    /// How verifiers in other processes learn that a session has ended.
    StatusLists "status_lists." {
        /// Sessions in one list: a power of two, 1024 to 16777216. It holds for lists that are made from now on.
        entries: u32 = "131072",
        /// How long a verifier that polls may keep a list: 5s to 1h. One that uses the long-poll knows at once.
        #[danger = "a verifier that polls accepts a token of an ended session this long"]
        ttl: Duration = "30s",
        /// How long a list is valid, and so how long verifiers go on when this server cannot be reached: 5m to 7d.
        #[danger = "who can cut a verifier off keeps a revocation from it this long"]
        lifetime: Duration = "1h",
    }
}

impl StatusLists {
    pub(super) fn check(&self, values: &mut Values) {
        values.within("status_lists.entries", self.entries, 1024..=1 << 24);
        values.require(
            self.entries.is_power_of_two(),
            &["status_lists.entries"],
            ValueError::new("is no power of two", "131072, for example"),
        );
        let minute = Duration::from_secs(60);
        values.within("status_lists.ttl", self.ttl, Duration::from_secs(5)..=60 * minute);
        values.within(
            "status_lists.lifetime",
            self.lifetime,
            5 * minute..=7 * 24 * 60 * minute,
        );
        values.require(
            // A list is signed anew each quarter of its life; a poll must fall into what is left.
            self.ttl <= self.lifetime / 4,
            &["status_lists.ttl", "status_lists.lifetime"],
            ValueError::new(
                "is longer than a quarter of `status_lists.lifetime`",
                "ttl <= lifetime / 4",
            ),
        );
    }
}
