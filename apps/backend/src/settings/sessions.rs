//! `[sessions]`: how many an account may have.

use super::section::section;
use super::values::Values;

section! {
    /// Limits on sessions.
    Sessions "sessions." {
        /// The maximum number of concurrent sessions per account, 1 to 10000. Beyond it, the oldest session ends.
        per_account: u32 = "50",
    }
}

impl Sessions {
    pub(super) fn check(&self, values: &mut Values) {
        values.within("sessions.per_account", self.per_account, 1..=10_000);
    }
}
