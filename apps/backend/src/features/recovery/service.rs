//! The rules of setting a new password without the old one.

use countersign_store::StoreError;

use crate::core::caller::Caller;
use crate::core::handle::HandleHash;
use crate::core::password::{HashError, Password, PasswordFault};
use crate::core::platform::Platform;
use crate::features::auth::Auth;
use crate::features::email_challenges::{Answer, ChallengeError, EmailChallenges, Presenter};
use crate::features::outbox::{Action, Purpose};
use crate::features::revocation::Revocations;

/// Setting a new password without the old one. Cloning it is cheap.
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

/// Why no password was set.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The link or the code is not valid.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// The new password breaks a rule. Nothing is spent: it can be tried again.
    #[error("the password violates a rule")]
    Fault(PasswordFault),
    /// The password could not be hashed just now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Recovery {
    /// Sets a new password for whoever brings what was mailed, and ends every session. The address is proven by it too.
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
        // Judged by the address that was typed or mailed to: so it tells nothing about accounts, and costs no guess.
        let password = self
            .platform
            .check_password(&password, &email)
            .map_err(RecoverError::Fault)?;
        let presenter = Presenter { handle, account: None };
        let checked = &self.challenges.check(purpose, &answer, &presenter, caller).await?;
        // Who has proven the address is no stranger.
        let hash = &self.platform.hasher.hash_for(password, checked.lane().into()).await?;
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let proven = self.challenges.spend(tx, purpose, checked).await?;
                    Ok::<_, RecoverError>(
                        self.auth
                            .settle(tx, proven.account, &proven.email, hash, caller)
                            .await?,
                    )
                })
            })
            .await
    }

    /// What the answer is to, and the address that it went to. Links of an invitation, and of the mail that tells of too
    /// many wrong passwords, are such too.
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
