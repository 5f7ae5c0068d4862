//! The use cases, one file each.
//!
//! To read a mail proves the mailbox, and not who set the account's password: that may have been a stranger who signed up
//! with the address before its owner came. So whoever confirms says as well that the account is theirs, or sets a new
//! password, which ends whatever was done with it before.

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
use crate::features::accounts::Accounts;
use crate::features::audit::Audit;
use crate::features::auth::{Auth, PasswordError};
use crate::features::email_challenges::{Answer, ChallengeError, EmailChallenges, Presenter, Whose};
use crate::features::outbox::Purpose;
use crate::features::revocation::Revocations;

/// Proving and changing email addresses. Cloning it is cheap.
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

/// What says that an account, or a sign-up, is one's own.
#[derive(Default)]
pub struct Claim {
    /// The hash of the handle of who asked.
    pub handle: Option<HandleHash>,
    pub user: Option<SessionRef>,
    pub password: Option<Password>,
    /// Another password, in place of all that.
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

/// Why an address was not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The link or the code is right, and nothing says that the account is theirs who bring it. Nothing is spent.
    #[error("the link proves access to the mailbox, but not to the account")]
    PasswordRequired,
    /// The link or the code is not valid.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// The password is not right, may not be tried, or may not be set.
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
    /// Proves that the address of an account is its owner's, or makes the account of a sign-up that waits for it.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub async fn verify(&self, answer: Answer, claim: Claim, caller: &Caller) -> Result<(), VerifyError> {
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

    /// Whether a link takes a password beside this claim. A link that is not valid takes none.
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
            Whose::Account(id) => Ok(presenter.account != Some(id)),
            Whose::Registration(_) => Ok(self.own_registration(&checked, claim).await?.is_none()),
        }
    }
}
