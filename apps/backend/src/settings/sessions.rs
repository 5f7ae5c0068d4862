//! `[sessions]`: how many an account may have.

use super::section::section;
use super::values::Values;

section! {
    /// Limits on sessions.
    Sessions "sessions." {
        /// The maximum number of concurrent sessions per account, 1 to 10000. When there are more, the oldest session
        /// ends.
        per_account: u32 = "50",
        /// The maximum number of concurrent grants that one account can have for one client of the OpenID provider, 1 to
        /// 1000. When there are more, the oldest grant ends.
        grants_per_client: u32 = "20",
    }
}

impl Sessions {
    pub(super) fn check(&self, values: &mut Values) {
        values.within("sessions.per_account", self.per_account, 1..=10_000);
        values.within("sessions.grants_per_client", self.grants_per_client, 1..=1_000);
    }
}
