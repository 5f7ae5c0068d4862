//! The use cases, one per file.

mod account;
mod ask;
mod attempt;
mod browser;
mod confirm;
mod email_sign_in;
mod export;
mod failures;
mod login;
mod logout;
mod notices;
mod opening;
mod operator;
mod renew;
mod reset_password;
mod sign_up;

use countersign_guard::Guard;

pub use account::PasswordChange;
pub use ask::{AskError, Asking};
pub use confirm::PasswordError;
pub use email_sign_in::ProvenAccount;
pub use export::{ExportBody, ExportError};
pub(crate) use failures::Turns;
pub use login::{Credentials, LoginError};
pub use notices::Holder;
pub use operator::{ApplyError, Differences, Operator};
pub use sign_up::{SignUp, SignUpError, SignedUp};

use crate::core::platform::Platform;
use crate::features::identity::accounts::Accounts;
use crate::features::identity::email_challenges::EmailChallenges;
use crate::features::messaging::outbox::Outbox;
use crate::features::operations::audit::Audit;
use crate::features::sign_in::browser_sessions::BrowserSessions;
use crate::features::sign_in::revocation::Revocations;
use crate::features::sign_in::sessions::Sessions;

/// Signing up, in and out, and actions of users on their own account. Cloning is cheap.
#[derive(Clone)]
pub struct Auth {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
    pub(crate) outbox: Outbox,
    pub(crate) revocations: Revocations,
    pub(crate) accounts: Accounts,
    pub(crate) challenges: EmailChallenges,
    pub(crate) sessions: Sessions,
    pub(crate) browsers: BrowserSessions,
    /// For rejections with the issuer as realm.
    pub(crate) guard: Guard,
    pub(crate) turns: Turns,
}

impl AsRef<Platform> for Auth {
    fn as_ref(&self) -> &Platform {
        &self.platform
    }
}
