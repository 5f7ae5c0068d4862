//! Actions of an operator on accounts, from the command line. They require no password.

mod clients;
mod mails;
mod scopes;
mod tokens;

use countersign_store::StoreError;

pub use self::clients::{ApplyError, Differences};
use super::Auth;
use super::confirm::PasswordError;
use super::notices::Holder;
use crate::core::caller::Caller;
use crate::core::ids::AccountId;
use crate::core::password::Password;
use crate::features::identity::accounts::{self, Account};
use crate::features::messaging::outbox::{self, Purpose};
use crate::features::oauth::apis::Apis;
use crate::features::oauth::clients::Clients;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::sessions;

/// The operator's actions on accounts. Cloning is cheap.
#[derive(Clone)]
pub struct Operator {
    pub(crate) auth: Auth,
    pub(crate) apis: Apis,
    pub(crate) clients: Clients,
    pub(crate) caller: Caller,
}

impl Operator {
    /// Sets a password and ends all sessions.
    ///
    /// # Errors
    /// [`PasswordError::Fault`], or if hashing or the database failed.
    pub async fn set_password(&self, account: &Account, new: Password) -> Result<(), PasswordError> {
        let new = self
            .auth
            .platform
            .check_password(&new, &account.email)
            .map_err(PasswordError::Fault)?;
        let hash = &self.auth.platform.hasher.hash(new).await?;
        let (id, now, caller) = (account.id, self.auth.platform.clock.now(), &self.caller);
        self.auth
            .revocations
            .transact(|tx| {
                Box::pin(async move {
                    accounts::change_password(tx, id, None, hash, now).await?;
                    sessions::end_all(tx, id, None, now).await?;
                    self.auth
                        .audit
                        .record(tx, Event::new(EventKind::PasswordChanged, id, caller))
                        .await?;
                    self.auth
                        .notify(tx, id, Purpose::PasswordChanged, &caller.request)
                        .await
                })
            })
            .await?;
        Ok(())
    }

    /// Disables an account and ends its sessions, or enables it again. Returns whether that changed anything.
    pub async fn set_disabled(&self, id: AccountId, disabled: bool) -> Result<bool, StoreError> {
        let (now, caller) = (self.auth.platform.clock.now(), &self.caller);
        let kind = if disabled {
            EventKind::AccountDisabled
        } else {
            EventKind::AccountEnabled
        };
        self.auth
            .revocations
            .transact(|tx| {
                Box::pin(async move {
                    if !accounts::set_disabled(tx, id, disabled.then_some(now), now).await? {
                        return Ok(false);
                    }
                    sessions::end_all(tx, id, None, now).await?;
                    self.auth.audit.record(tx, Event::new(kind, id, caller)).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// Deletes an account and all its data.
    pub async fn delete(&self, account: &Account) -> Result<(), StoreError> {
        let (id, now, caller) = (account.id, self.auth.platform.clock.now(), &self.caller);
        self.auth
            .revocations
            .transact(|tx| {
                Box::pin(async move {
                    outbox::forget(tx, id).await?;
                    sessions::end_all(tx, id, None, now).await?;
                    accounts::delete(tx, id, None).await?;
                    self.auth
                        .notify_at(tx, &Holder::from(account), Purpose::AccountDeleted, &caller.request)
                        .await?;
                    self.auth
                        .audit
                        .record(tx, Event::new(EventKind::AccountDeleted, id, caller))
                        .await?;
                    self.auth.audit.forget(tx, id).await?;
                    Ok(())
                })
            })
            .await
    }
}
