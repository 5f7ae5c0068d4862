//! The rules of sessions: opening, rotation, ending, and their tokens.

mod end;
mod living;
mod open;
mod rotate;
mod tokens;

pub use end::{end_all, end_everything};
pub use living::{find_living, lock_living, saw};
pub use open::NewSession;
pub use rotate::RefreshError;
pub use tokens::{AccessToken, Tokens};

use crate::core::platform::Platform;
use crate::features::operations::audit::Audit;
use crate::features::operations::keys::Keys;
use crate::features::sign_in::revocation::Revocations;

/// The sessions of this database. Cloning is cheap.
#[derive(Clone)]
pub struct Sessions {
    pub(crate) platform: Platform,
    pub(crate) keys: Keys,
    pub(crate) revocations: Revocations,
    pub(crate) audit: Audit,
}
