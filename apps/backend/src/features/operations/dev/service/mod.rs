//! The use cases, one per file.

mod clients;
mod clock;
mod tokens;
mod users;

pub(super) use clients::WantedClient;
pub(super) use clock::{BeyondAllTime, Move};
pub(super) use tokens::{Issued, Lifetime, TokenError, User, Wanted};
pub(crate) use users::{PASSWORD, SeededUser};

use crate::core::platform::Platform;
use crate::features::identity::accounts::Accounts;
use crate::features::operations::audit::Audit;
use crate::features::sign_in::auth::Operator;
use crate::features::sign_in::revocation::Revocations;
use crate::features::sign_in::sessions::Sessions;

/// The additions of `countersign dev`. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Dev {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
    pub(crate) revocations: Revocations,
    pub(crate) accounts: Accounts,
    pub(crate) sessions: Sessions,
    pub(crate) operator: Operator,
}
