//! Setting a new password without the old one.

use countersign_store::StoreError;

use crate::core::caller::Caller;
use crate::core::handle::HandleHash;
use crate::core::password::{HashError, Password, PasswordFault};
use crate::core::platform::Platform;
use crate::features::identity::email_challenges::{Answer, ChallengeError, EmailChallenges, Presenter};
use crate::features::messaging::outbox::{Action, Purpose};
use crate::features::sign_in::auth::Auth;
use crate::features::sign_in::revocation::Revocations;

/// Sets new passwords without the old one. Cheap to clone.
#[derive(Clone)]
pub struct Recovery {
    pub(crate) platform: Platform,
    pub(crate) revocations: Revocations,
    pub(crate) challenges: EmailChallenges,
    pub(crate) auth: Auth,
}

impl AsRef<Platform> for Recovery {
    fn as_ref(&self) -> &Platform {
        &self.platform
    }
}

/// Why the password was not set.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The link or the code is invalid.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// The new password does not meet the requirements. The link or code remains valid.
    #[error("the password does not meet the requirements")]
    Fault(PasswordFault),
    /// The password cannot be hashed now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Recovery {
    /// Sets a new password with an emailed link or code, ends all sessions and verifies the email address.
    ///
    /// # Errors
    /// [`RecoverError`].
    pub async fn recover(
        &self,
        answer: Answer,
        handle: Option<HandleHash>,
        password: Password,
        caller: &Caller,
    ) -> Result<(), RecoverError> {
        let (purpose, email) = self.subject(&answer).await?;
        // Checked against the email address in the request or of the link, so it reveals nothing about accounts and uses up
        // no guess.
        let password = self
            .platform
            .check_password(&password, &email)
            .map_err(RecoverError::Fault)?;
        let presenter = Presenter { handle, account: None };
        let checked = &self.challenges.check(purpose, &answer, &presenter, caller).await?;
        // Control of an account's mailbox is proven, so the password is hashed in the lane of known clients.
        let hash = &self.platform.hasher.hash_for(password, checked.lane().into()).await?;
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let proven = self.challenges.spend(tx, purpose, checked).await?;
                    Ok::<_, RecoverError>(
                        self.auth
                            .reset_password(tx, proven.account, &proven.email, hash, caller)
                            .await?,
                    )
                })
            })
            .await
    }

    /// Returns the purpose of the link or code, and the email address it was sent to. Links of invitations and of emails
    /// about too many wrong passwords are accepted too.
    async fn subject(&self, answer: &Answer) -> Result<(Purpose, String), RecoverError> {
        match answer {
            Answer::Link(link) => {
                let (purpose, email) = self.challenges.purpose_of(Action::SetPassword, link).await?;
                Ok((purpose, email.typed().to_owned()))
            }
            Answer::Code(guess) => {
                let email = guess.as_ref().map(|(email, _)| email.typed().to_owned());
                Ok((Purpose::ResetPassword, email.unwrap_or_default()))
            }
        }
    }
}
