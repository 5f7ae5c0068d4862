//! Whose a challenge is.

use crate::core::ids::{AccountId, RegistrationId};

/// Whose a challenge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// An account's.
    Account(AccountId),
    /// A sign-up's that waits.
    Registration(RegistrationId),
}

impl Whose {
    /// As the two columns have it.
    pub(super) fn ids(self) -> (Option<AccountId>, Option<RegistrationId>) {
        match self {
            Self::Account(account) => (Some(account), None),
            Self::Registration(registration) => (None, Some(registration)),
        }
    }
}
