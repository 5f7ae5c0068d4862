//! Confirming the password of a signed-in user.

use std::ops::Deref;

use countersign_store::StoreError;

use super::Auth;
use super::attempt::{Attempt, subject_of};
use super::failures::is_exempt;
use crate::core::caller::Caller;
use crate::core::ids::AccountId;
use crate::core::limits::{Exceeded, Key, Policy, Reserved};
use crate::core::password::{HashError, Lane, NewPassword, Password, PasswordFault};
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts::{self, StoredCredentials};
use crate::features::operations::audit::EventKind;

/// Why an action that requires the password failed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The password is wrong, or was changed meanwhile.
    #[error("wrong password")]
    Wrong,
    /// The session of the request was ended meanwhile.
    #[error("the session has ended")]
    Ended,
    /// The new password does not meet the requirements.
    #[error("the password does not meet the requirements")]
    Fault(PasswordFault),
    /// Too many attempts.
    #[error("too many attempts")]
    Limited(Exceeded),
    /// The password could not be checked at the moment.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A correct password and its account.
pub struct Confirmed {
    stored: StoredCredentials,
    tried: Reserved,
}

impl Confirmed {
    /// Counts the attempt and returns the account.
    pub fn count(self) -> StoredCredentials {
        self.tried.count();
        self.stored
    }

    /// Hashes the replacement for this password. If the server is overloaded, the attempt does not count.
    ///
    /// # Errors
    /// [`HashError`].
    pub(super) async fn hash_new(
        self,
        auth: &Auth,
        new: NewPassword,
    ) -> Result<(StoredCredentials, String), HashError> {
        match auth.hash_new(self.stored.id, new).await {
            Ok(hash) => Ok((self.count(), hash)),
            Err(error) => {
                self.tried.give_back().await;
                Err(error)
            }
        }
    }
}

impl Deref for Confirmed {
    type Target = StoredCredentials;

    fn deref(&self) -> &StoredCredentials {
        &self.stored
    }
}

impl Auth {
    async fn hash_new(&self, account: AccountId, new: NewPassword) -> Result<String, HashError> {
        fail::fail_point!("password::new", |_| Err(HashError::overloaded(
            std::time::Duration::from_secs(1)
        )));
        self.platform.hasher.hash_for(new, Lane::Known(account.0).into()).await
    }

    /// Checks the password of a signed-in account. Attempts are limited per account and failures count as they do at
    /// sign-in, so that a stolen token cannot be used to guess the password.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn confirm(
        &self,
        account: AccountId,
        password: Password,
        kind: EventKind,
        caller: &Caller,
    ) -> Result<Confirmed, PasswordError> {
        let stored = accounts::credentials_by_id(&self.platform.db, account).await?;
        let subject = stored
            .as_ref()
            .map_or_else(|| account.0.to_string(), |stored| subject_of(&stored.email));
        let request = &caller.request;
        let attempt = self.reserve_confirmation(&subject, request).await?;
        match self.confirm_if_right(stored, password, kind, caller, &attempt).await {
            Ok(stored) => Ok(Confirmed {
                stored,
                tried: attempt.was_right().await,
            }),
            Err(PasswordError::Wrong) => {
                attempt.was_wrong().await;
                Err(PasswordError::Wrong)
            }
            Err(error) => {
                attempt.was_not_judged().await;
                Err(error)
            }
        }
    }

    async fn confirm_if_right(
        &self,
        stored: Option<StoredCredentials>,
        password: Password,
        kind: EventKind,
        caller: &Caller,
        attempt: &Attempt,
    ) -> Result<StoredCredentials, PasswordError> {
        let request = &caller.request;
        let account = stored.as_ref().map(|stored| stored.id);
        let lane = self.lane(account, request).await?;
        let exempt = is_exempt(lane, request);
        let hash = stored
            .as_ref()
            .filter(|stored| self.may_try(stored, exempt))
            .map(|stored| stored.password_hash.as_str());
        let hasher = &self.platform.hasher;
        let verdict = hasher.verify_for(password, hash, attempt.asker(lane)).await?;
        let _turn = self.turns.wait(attempt).await;
        let counts = self.still_may_try(account, exempt).await?;
        match stored {
            Some(stored) if counts && verdict.is_right() && self.accepts_now(stored.id, exempt).await? => Ok(stored),
            stored => {
                self.record_failure(kind, stored.as_ref(), caller).await?;
                Err(PasswordError::Wrong)
            }
        }
    }

    async fn accepts_now(&self, account: AccountId, exempt: bool) -> Result<bool, StoreError> {
        fail::fail_point!("confirm::verified");
        self.platform
            .db
            .transact(|tx| Box::pin(self.accepts(tx, account, exempt)))
            .await
    }

    /// Reserves an attempt, counted by the account's email address, so that deleting and recreating the account does not
    /// reset it, and by network, so that the holder of a stolen token cannot use up the owner's attempts.
    async fn reserve_confirmation(&self, subject: &str, request: &RequestInfo) -> Result<Attempt, PasswordError> {
        let key = Key::of(Policy::ChangePasswordPerAccount).identifier(subject);
        let key = request.prefix().map_or(key, |prefix| key.address(prefix));
        Attempt::reserve(&self.platform, subject, request, &[key])
            .await
            .map_err(PasswordError::Limited)
    }
}
