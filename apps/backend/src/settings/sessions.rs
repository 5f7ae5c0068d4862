//! `[sessions]`: how many an account may have.

use super::section::section;
use super::values::Values;

section! {
    /// How many sessions an account may have.
    Sessions "sessions." {
        /// Sessions of one account at once, 1 to 10000; one more ends the oldest.
        per_account: u32 = "50",
    }
}

impl Sessions {
    pub(super) fn check(&self, values: &mut Values) {
        values.within("sessions.per_account", self.per_account, 1..=10_000);
    }
}
