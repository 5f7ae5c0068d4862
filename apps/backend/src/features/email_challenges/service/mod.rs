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
use crate::features::accounts::AccountVersions;
use crate::features::audit::Audit;

/// Challenges: made when their mail is sent, judged and spent when it is answered. Cloning it is cheap.
#[derive(Clone)]
pub struct EmailChallenges {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
}

/// What a spent challenge proves.
pub struct Proven {
    pub account: AccountId,
    /// The address that its owner holds.
    pub email: Email,
    /// The version of the account's password, now and when the mail was asked for.
    pub credential_version: CredentialVersion,
    /// The session that asked for the mail, where that matters.
    pub session: Option<SessionId>,
}

/// Why nothing is proven.
#[derive(Debug, thiserror::Error)]
pub enum ChallengeError {
    /// Unknown, expired, spent, of another purpose, or of an earlier state of the account: all the same.
    #[error("the link or code is wrong, expired or already used")]
    Invalid,
    /// A code came without the handle of whoever asked for it.
    #[error("the code was sent without the handle of its request")]
    Unbound,
    /// Too many guesses from this network.
    #[error("too many guesses")]
    Limited(Exceeded),
    /// The code could not be checked just now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a mail that was asked for in a state of the account still holds: nothing that ends its password, its address or all
/// of its sessions came between.
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
