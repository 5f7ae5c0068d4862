//! The owner of a challenge.

use crate::core::ids::{AccountId, RegistrationId};

/// The owner of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// An account.
    Account(AccountId),
    /// A pending sign-up.
    Registration(RegistrationId),
}

impl Whose {
    /// Returns the values of its two columns.
    pub(super) fn ids(self) -> (Option<AccountId>, Option<RegistrationId>) {
        match self {
            Self::Account(account) => (Some(account), None),
            Self::Registration(registration) => (None, Some(registration)),
        }
    }
}
