//! Making, checking and spending challenges, one file each.

mod check;
mod look;
mod make;
mod spend;

use countersign_store::StoreError;

pub use self::check::{Answer, Checked};
pub use self::make::{CODE_LIFETIME, NewChallenge, REGISTRATION_LIFETIME};
use super::store::Found;
use crate::core::email::Email;
use crate::core::ids::{AccountId, SessionId};
use crate::core::limits::Exceeded;
use crate::core::password::HashError;
use crate::core::platform::Platform;
use crate::core::versions::{CredentialVersion, SessionEpoch};
use crate::features::identity::accounts::AccountVersions;
use crate::features::operations::audit::Audit;

/// Challenges: created when their email is sent, checked and spent when the client answers. Cheap to clone.
#[derive(Clone)]
pub struct EmailChallenges {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
}

/// What a spent challenge proves.
pub struct Proven {
    pub account: AccountId,
    /// The email address whose mailbox the client controls.
    pub email: Email,
    /// The version of the account's password, the same as when the email was requested.
    pub credential_version: CredentialVersion,
    /// The session that requested the email, if it matters.
    pub session: Option<SessionId>,
}

/// Why an answer was rejected.
#[derive(Debug, thiserror::Error)]
pub enum ChallengeError {
    /// Unknown, expired, used, for another purpose, or for an earlier state of the account. Clients cannot tell these apart.
    #[error("the link or code is wrong, expired or already used")]
    Invalid,
    /// A code without the handle of its request.
    #[error("the code was sent without the handle of its request")]
    Unbound,
    /// Too many guesses from this network.
    #[error("too many guesses")]
    Limited(Exceeded),
    /// The code cannot be checked now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether an email requested in a state of the account is still valid: neither the password nor the email address has
/// changed, and the sessions have not all been ended.
fn holds(versions: AccountVersions, credential_version: CredentialVersion, session_epoch: SessionEpoch) -> bool {
    versions.credential_version == credential_version && versions.session_epoch == session_epoch
}

fn proven(found: Found) -> Result<Proven, ChallengeError> {
    let email = found.email.parse().map_err(|_| StoreError::Inconsistent {
        table: "email_challenges",
        column: "email",
    })?;
    Ok(Proven {
        account: found.account_id,
        email,
        credential_version: found.credential_version,
        session: found.session_id,
    })
}
