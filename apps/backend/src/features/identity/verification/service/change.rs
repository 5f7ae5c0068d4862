//! Changing an account's email address to a verified one.

use countersign_store::StoreError;

use super::Verification;
use crate::core::caller::Caller;
use crate::core::email::{Email, NewEmail};
use crate::core::handle::HandleHash;
use crate::core::ids::SessionRef;
use crate::core::password::Password;
use crate::features::identity::accounts;
use crate::features::identity::email_challenges::{Answer, ChallengeError, LinkSecret, Presenter};
use crate::features::messaging::outbox::{Action, Purpose};
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::auth::{AskError, Asking, Holder, PasswordError};
use crate::features::sign_in::sessions;

/// Why the email address was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The password is wrong, or may not be tried.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Too many emails were requested.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The link or the code is invalid.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// Another account has the email address by now.
    #[error("the email address is already taken")]
    EmailTaken,
    /// The account already has this email address.
    #[error("the account already has this email address")]
    SameEmail,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Verification {
    /// Requests a change of the email address, which must be verified first. Whether another account has it is checked when
    /// the email is sent.
    ///
    /// # Errors
    /// [`ChangeError::Password`], [`ChangeError::SameEmail`], [`ChangeError::Ask`].
    pub async fn ask_to_change(
        &self,
        by: SessionRef,
        email: &NewEmail,
        password: Password,
        handle: HandleHash,
        caller: &Caller,
    ) -> Result<(), ChangeError> {
        let own = self
            .auth
            .confirm(by.account, password, EventKind::EmailChanged, caller)
            .await?
            .count();
        if own.email.parse::<Email>().is_ok_and(|own| own.key() == email.key()) {
            return Err(ChangeError::SameEmail);
        }
        let asking = Asking {
            purpose: Purpose::ChangeEmail,
            to: email,
            handle,
            by: Some(by),
            password_version: None,
        };
        Ok(self.auth.ask(&asking, caller).await?)
    }

    /// Returns whether the client can change its email address with this link: the account is its own, and the session that
    /// requested the change is still active.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn may_change(&self, by: SessionRef, link: &LinkSecret) -> Result<bool, StoreError> {
        let asking = match self.challenges.peek(Purpose::ChangeEmail, link).await {
            Ok(proven) => proven.session.filter(|_| proven.account == by.account),
            Err(ChallengeError::Store(error)) => return Err(error),
            Err(_) => None,
        };
        let Some(asking) = asking else {
            return Ok(false);
        };
        let session = sessions::find_active(&self.platform.db, asking, self.platform.clock.now()).await?;
        Ok(session.is_some() && self.challenges.is_redeemable(Action::ChangeEmail, link).await?)
    }

    /// Changes the email address to the one that was proven. The client must be signed in to the account, and the session
    /// that requested the change must still be active. The old email address gets a notice, so that its owner can object.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn change(&self, by: SessionRef, answer: Answer, caller: &Caller) -> Result<(), ChangeError> {
        let SessionRef { account, session } = by;
        let presenter = Presenter {
            handle: None,
            account: Some(account),
        };
        let checked = &self
            .challenges
            .check(Purpose::ChangeEmail, &answer, &presenter, caller)
            .await?;
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let now = self.platform.clock.now();
                    let proven = self.challenges.spend(tx, Purpose::ChangeEmail, checked).await?;
                    let asking = proven.session.ok_or(ChallengeError::Invalid)?;
                    if proven.account != account || sessions::lock_active(tx, asking, now).await?.is_none() {
                        return Err(ChallengeError::Invalid.into());
                    }
                    if sessions::lock_active(tx, session, now).await?.is_none() {
                        return Err(PasswordError::Ended.into());
                    }
                    let before = accounts::find(&mut *tx, account)
                        .await?
                        .ok_or(ChallengeError::Invalid)?;
                    let email: NewEmail = proven.email.typed().parse().map_err(|_| ChallengeError::Invalid)?;
                    if !accounts::change_email(tx, account, &email, now).await? {
                        return Err(ChangeError::EmailTaken);
                    }
                    self.audit
                        .record(tx, Event::new(EventKind::EmailChanged, account, caller))
                        .await?;
                    let old = Holder {
                        new_email: Some(&email),
                        ..Holder::from(&before)
                    };
                    self.auth
                        .notify_at(tx, &old, Purpose::EmailChanged, &caller.request)
                        .await?;
                    Ok(())
                })
            })
            .await
    }
}
