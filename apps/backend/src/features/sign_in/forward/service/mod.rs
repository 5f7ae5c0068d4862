//! Finds the user of a request, by its token or by a browser's cookie, and hands browsers off to applications' hosts.

mod api;
mod handoff;
mod identify;
mod sign_out;

use countersign_guard::{Guard, Scopes};

pub(super) use api::ApiRefusal;
pub(super) use handoff::{CompleteError, Completed, HandoffError};
pub(super) use identify::{Admitted, Refusal, Request, SignIn};

use crate::core::ids::AccountId;
use crate::core::platform::Platform;
use crate::features::identity::accounts::Profiles;
use crate::features::operations::audit::Audit;
use crate::features::operations::keys::Keys;
use crate::features::sign_in::auth::Auth;
use crate::features::sign_in::browser_sessions::BrowserSessions;
use crate::features::sign_in::revocation::Revocations;
use crate::features::sign_in::sessions::Sessions;

/// Forward authentication. Cloning is cheap.
#[derive(Clone)]
pub struct Forward {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
    pub(crate) profiles: Profiles,
    pub(crate) guard: Guard,
    pub(crate) sessions: Sessions,
    pub(crate) browsers: BrowserSessions,
    pub(crate) auth: Auth,
    pub(crate) keys: Keys,
    pub(crate) revocations: Revocations,
}

impl AsRef<Platform> for Forward {
    fn as_ref(&self) -> &Platform {
        &self.platform
    }
}

/// The user of a request, as passed by a proxy to the service.
pub struct Identity {
    pub account: AccountId,
    /// The email address as the user typed it; it may be unverified.
    pub email: String,
    pub scopes: Scopes,
}
