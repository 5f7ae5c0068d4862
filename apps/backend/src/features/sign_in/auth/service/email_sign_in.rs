//! Signing in by a mailed link or code.

use countersign_guard::Scopes;
use countersign_store::{Conn, StoreError};

use super::Auth;
use super::login::LoginError;
use super::opening::granted;
use super::reset_password::forget_unproven;
use crate::core::caller::Caller;
use crate::core::handle::HandleHash;
use crate::core::ids::AccountId;
use crate::features::identity::accounts::{self, AccountVersions};
use crate::features::identity::email_challenges::{Answer, ChallengeError, Presenter, Proven, Whose};
use crate::features::messaging::outbox::{Action, Purpose};
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::revocation::RevokingTx;
use crate::features::sign_in::sessions::{self, NewSession, RefreshToken, Session, Tokens};

/// An account that the client has proven to be its own, as it was then.
pub struct ProvenAccount {
    id: AccountId,
    /// `None` if the account is disabled.
    versions: Option<AccountVersions>,
}

impl ProvenAccount {
    /// Reads the account in the transaction that consumes the proof.
    pub async fn of<'c>(tx: impl Into<Conn<'c>>, id: AccountId) -> Result<Self, StoreError> {
        let versions = accounts::may_sign_in(tx, id).await?;
        Ok(Self { id, versions })
    }

    /// Returns whether sign-ins that were proven then still count.
    fn still_counts(&self, now: &AccountVersions) -> bool {
        self.versions.is_some_and(|then| {
            then.credential_version == now.credential_version && then.session_epoch == now.session_epoch
        })
    }
}

impl Auth {
    /// Signs in with an emailed link or code, and returns the tokens of the new session.
    ///
    /// # Errors
    /// [`LoginError::Challenge`], or if signing or the database failed.
    pub async fn sign_in_by_email(
        &self,
        answer: Answer,
        handle: Option<HandleHash>,
        scopes: &Scopes,
        caller: &Caller,
    ) -> Result<Tokens, LoginError> {
        let first = self.sessions.first_token();
        let opened = self.open_by_email(answer, handle, scopes, caller, Some(&first)).await;
        self.counted(self.issued(opened, first).await)
    }

    /// Signs in a browser with an emailed link or code, without tokens.
    ///
    /// # Errors
    /// [`LoginError::Challenge`], or if the database failed.
    pub async fn sign_in_browser_by_email(
        &self,
        answer: Answer,
        handle: Option<HandleHash>,
        scopes: &Scopes,
        caller: &Caller,
    ) -> Result<Session, LoginError> {
        self.counted(self.open_by_email(answer, handle, scopes, caller, None).await)
    }

    /// Signs in a browser that has just confirmed the account's email address and password, which together prove at least
    /// as much as a sign-in does.
    ///
    /// # Errors
    /// [`LoginError::Invalid`] if the account may not sign in, or if its password was changed or its sessions were ended
    /// since. Or if the database failed.
    pub async fn sign_in_browser_after_confirmation(
        &self,
        account: ProvenAccount,
        caller: &Caller,
    ) -> Result<Session, LoginError> {
        self.counted(self.open_after_confirmation(account, caller).await)
    }

    async fn open_after_confirmation(&self, proven: ProvenAccount, caller: &Caller) -> Result<Session, LoginError> {
        fail::fail_point!("confirmation::proven");
        let (account, proven) = (proven.id, &proven);
        let caller = &caller.proven(account);
        let bit = self.revocations.allocate().await?;
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let versions = accounts::may_sign_in(&mut *tx, account)
                        .await?
                        .filter(|now| proven.still_counts(now))
                        .ok_or(LoginError::Invalid)?;
                    accounts::sign_in(tx, account, self.platform.clock.now(), None).await?;
                    let new = NewSession {
                        account,
                        versions,
                        amr: "otp",
                        scopes: &granted(tx, account, &Scopes::default()).await?,
                        caller,
                        bit,
                        refresh_token: None,
                    };
                    Ok::<_, LoginError>(self.open_session(tx, &new).await?)
                })
            })
            .await
    }

    /// Opens a session with an emailed link or code. This proves the email address too. If it was unverified until now, the
    /// account's password and sessions are revoked, because another person may have created the account.
    async fn open_by_email(
        &self,
        answer: Answer,
        handle: Option<HandleHash>,
        scopes: &Scopes,
        caller: &Caller,
        refresh_token: Option<&RefreshToken>,
    ) -> Result<Session, LoginError> {
        let purpose = self.purpose_of(&answer).await?;
        let presenter = Presenter { handle, account: None };
        let checked = &self.challenges.check(purpose, &answer, &presenter, caller).await?;
        let Whose::Account(account) = checked.whose else {
            return Err(ChallengeError::Invalid.into());
        };
        let caller = &caller.proven(account);
        let bit = self.revocations.allocate().await?;
        // Hashed before the transaction, so that it does not wait for a hash.
        let unusable = match accounts::find(&self.platform.db, account).await? {
            Some(account) if account.email_verified_at.is_none() => Some(self.platform.unusable_password_hash().await?),
            _ => None,
        };
        let unusable = unusable.as_deref();
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let proven = self.challenges.spend(tx, purpose, checked).await?;
                    self.verify_and_reset(tx, &proven, unusable, caller).await?;
                    let versions = accounts::may_sign_in(&mut *tx, proven.account)
                        .await?
                        .ok_or(ChallengeError::Invalid)?;
                    accounts::sign_in(tx, proven.account, self.platform.clock.now(), None).await?;
                    let new = NewSession {
                        account: proven.account,
                        versions,
                        amr: "otp",
                        scopes: &granted(tx, proven.account, scopes).await?,
                        caller,
                        bit,
                        refresh_token,
                    };
                    Ok::<_, LoginError>(self.open_session(tx, &new).await?)
                })
            })
            .await
    }

    /// Returns the purpose of the answered email. A link in the email about too many wrong passwords signs in too.
    async fn purpose_of(&self, answer: &Answer) -> Result<Purpose, ChallengeError> {
        match answer {
            Answer::Link(link) => Ok(self.challenges.purpose_of(Action::SignIn, link).await?.0),
            Answer::Code(_) => Ok(Purpose::SignIn),
        }
    }

    /// Marks the email address as verified. If it was not before, revokes the account's password and sessions, and removes its
    /// name, metadata and consents.
    async fn verify_and_reset(
        &self,
        tx: &mut RevokingTx<'_, '_, '_>,
        proven: &Proven,
        unusable: Option<&str>,
        caller: &Caller,
    ) -> Result<(), StoreError> {
        let now = self.platform.clock.now();
        if !accounts::set_verified(tx, proven.account, &proven.email, now).await? {
            return Ok(());
        }
        self.audit
            .record(tx, Event::new(EventKind::EmailVerified, proven.account, caller))
            .await?;
        // A verified email address never becomes unverified again, so there is a hash whenever it is needed.
        let Some(unusable) = unusable else {
            return Err(StoreError::Conflict);
        };
        accounts::change_password(tx, proven.account, None, unusable, now).await?;
        forget_unproven(tx, proven.account, now).await?;
        sessions::end_all(tx, proven.account, None, now).await.map(drop)
    }
}
