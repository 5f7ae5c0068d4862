//! The rules of sessions and grants: opening, rotation, ending, and their tokens.

mod acr;
mod active;
mod end;
mod grant;
mod held;
mod open;
mod renew;
mod rotate;
mod tokens;

#[cfg(feature = "testing")]
pub use acr::Acr;
pub use acr::acr;
pub use active::{find_active, lock_active, opened_in, saw};
pub use end::{LogoutNotice, end_all, end_everything, end_grant, end_grants};
pub use grant::{NewGrant, Redeemer, grants_of};
pub use held::held_scopes;
pub use open::NewSession;
pub use renew::renew;
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
