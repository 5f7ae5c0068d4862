//! The use cases, one file each.
//!
//! Reading an email proves control of the mailbox. It does not prove who set the account's password: someone else may have
//! signed up with the email address first. A client that confirms must therefore also prove that the account is its own, or
//! set a new password, which ends all earlier sessions.

mod account;
mod change;
mod registration;

use countersign_store::StoreError;

pub use change::ChangeError;

use crate::core::caller::Caller;
use crate::core::handle::HandleHash;
use crate::core::ids::SessionRef;
use crate::core::password::{HashError, Password};
use crate::core::platform::Platform;
use crate::features::identity::accounts::Accounts;
use crate::features::identity::email_challenges::{Answer, ChallengeError, EmailChallenges, Presenter, Whose};
use crate::features::messaging::outbox::Purpose;
use crate::features::operations::audit::Audit;
use crate::features::sign_in::auth::{Auth, PasswordError, ProvenAccount};
use crate::features::sign_in::revocation::Revocations;

/// Verifies and changes email addresses. Cheap to clone.
#[derive(Clone)]
pub struct Verification {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
    pub(crate) revocations: Revocations,
    pub(crate) accounts: Accounts,
    pub(crate) challenges: EmailChallenges,
    pub(crate) auth: Auth,
}

impl AsRef<Platform> for Verification {
    fn as_ref(&self) -> &Platform {
        &self.platform
    }
}

/// The proof that an account, or a sign-up, belongs to the client.
#[derive(Default)]
pub struct Claim {
    /// The hash of the requester's handle.
    pub handle: Option<HandleHash>,
    pub user: Option<SessionRef>,
    pub password: Option<Password>,
    /// A new password, instead of a proof.
    pub new_password: Option<Password>,
}

impl Claim {
    fn presenter(&self) -> Presenter {
        Presenter {
            handle: self.handle,
            account: self.user.map(|user| user.account),
        }
    }
}

/// Why the email address was not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The link or the code is right, but there is no proof that the account belongs to the client. The link or code remains
    /// valid.
    #[error("the link proves access to the mailbox, but not to the account")]
    PasswordRequired,
    /// The link or the code is invalid.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// The password is wrong, may not be tried, or is not acceptable.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<HashError> for VerifyError {
    fn from(error: HashError) -> Self {
        Self::Password(error.into())
    }
}

impl Verification {
    /// Verifies an account's email address, or creates the account of a pending sign-up. Returns what this proves.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub async fn verify(&self, answer: Answer, claim: Claim, caller: &Caller) -> Result<ProvenAccount, VerifyError> {
        let presenter = claim.presenter();
        let checked = self
            .challenges
            .check(Purpose::VerifyEmail, &answer, &presenter, caller)
            .await?;
        match checked.whose {
            Whose::Account(id) => self.verify_account(id, &checked, claim, caller).await,
            Whose::Registration(_) => self.verify_registration(&checked, claim, caller).await,
        }
    }

    /// Returns whether a link requires a password in addition to this claim. An invalid link does not.
    pub async fn needs_password(&self, answer: &Answer, claim: &Claim) -> Result<bool, StoreError> {
        let Answer::Link(_) = answer else {
            return Ok(false);
        };
        let presenter = claim.presenter();
        let checked = self
            .challenges
            .check(Purpose::VerifyEmail, answer, &presenter, &Caller::server())
            .await;
        let checked = match checked {
            Ok(checked) => checked,
            Err(ChallengeError::Store(error)) => return Err(error),
            Err(_) => return Ok(false),
        };
        match checked.whose {
            Whose::Account(id) => Ok(presenter.account != Some(id) && checked.password_version.is_none()),
            Whose::Registration(_) => Ok(self.own_registration(&checked, claim).await?.is_none()),
        }
    }
}
