//! What the pages depend on.

use std::ops::Deref;
use std::sync::Arc;

use super::assets::Assets;
use super::policy::Policies;
use crate::core::platform::Platform;
use crate::features::identity::accounts::Accounts;
use crate::features::identity::email_challenges::EmailChallenges;
use crate::features::identity::recovery::Recovery;
use crate::features::identity::verification::Verification;
use crate::features::oauth::authorization::Authorization;
use crate::features::oauth::device_authorization::DeviceAuthorization;
use crate::features::oauth::end_session::EndSession;
use crate::features::sign_in::auth::Auth;
use crate::features::sign_in::browser_sessions::BrowserSessions;
use crate::features::sign_in::sessions::Sessions;

/// The dependencies of the pages. Cloning is cheap.
#[derive(Clone)]
pub struct Pages {
    parts: Arc<Parts>,
    pub(super) policies: Policies,
}

/// The parts of [`Pages`].
pub struct Parts {
    pub(crate) platform: Platform,
    /// The style sheet and the script.
    pub(crate) assets: Assets,
    pub(crate) sessions: Sessions,
    pub(crate) browsers: BrowserSessions,
    pub(crate) challenges: EmailChallenges,
    pub(crate) accounts: Accounts,
    pub(crate) auth: Auth,
    pub(crate) verification: Verification,
    pub(crate) recovery: Recovery,
    pub(crate) authorization: Authorization,
    pub(crate) device_authorization: DeviceAuthorization,
    pub(crate) end_session: EndSession,
}

impl Pages {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            policies: Policies::new(&parts.platform.applications),
            parts: Arc::new(parts),
        }
    }
}

impl Deref for Pages {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}
