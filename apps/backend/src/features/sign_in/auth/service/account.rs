//! Actions of users on their own account: change the password, delete it.

use countersign_store::Tx;

use super::Auth;
use super::confirm::PasswordError;
use super::notices::Holder;
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::{SessionId, SessionRef};
use crate::core::password::Password;
use crate::features::identity::accounts;
use crate::features::identity::devices;
use crate::features::messaging::outbox::{self, Purpose};
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::sessions;

/// A password and its replacement.
pub struct PasswordChange {
    /// The current password.
    pub current: Password,
    /// The new password, not yet validated.
    pub new: Password,
}

impl Auth {
    /// Sets a new password and ends every session except the current one.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn change_password(
        &self,
        by: SessionRef,
        passwords: PasswordChange,
        caller: &Caller,
    ) -> Result<(), PasswordError> {
        let SessionRef { account, session } = by;
        let PasswordChange { current, new } = passwords;
        let confirmed = self
            .confirm(account, current, EventKind::PasswordChanged, caller)
            .await?;
        let new = self
            .platform
            .check_password(&new, &confirmed.email)
            .map_err(PasswordError::Fault)?;
        let (stored, hash) = &confirmed.hash_new(self, new).await?;
        let now = self.platform.clock.now();
        fail::fail_point!("confirm::confirmed");
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    still_signed_in(tx, session, now).await?;
                    let seen = Some(stored.credential_version);
                    if !accounts::change_password(tx, account, seen, hash, now).await? {
                        return Err(PasswordError::Wrong);
                    }
                    sessions::end_all(tx, account, Some(session), now).await?;
                    // The devices were forgotten along with the sessions, but this one has just proved that it knows the
                    // password.
                    devices::remember(tx, account, &caller.request, now).await?;
                    let event = Event::new(EventKind::PasswordChanged, account, caller).session(session);
                    self.audit.record(tx, event).await?;
                    self.notify(tx, account, Purpose::PasswordChanged, &caller.request)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Deletes the account and all its data; the audit log is kept.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn delete(&self, by: SessionRef, password: Password, caller: &Caller) -> Result<(), PasswordError> {
        let SessionRef { account, session } = by;
        let stored = &self
            .confirm(account, password, EventKind::AccountDeleted, caller)
            .await?
            .count();
        let (version, now) = (stored.credential_version, self.platform.clock.now());
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    still_signed_in(tx, session, now).await?;
                    outbox::forget(tx, account).await?;
                    // Done before the account's sessions are deleted: their bits outlive them.
                    sessions::end_all(tx, account, None, now).await?;
                    if !accounts::delete(tx, account, Some(version)).await? {
                        return Err(PasswordError::Wrong);
                    }
                    let holder = Holder {
                        account,
                        email: &stored.email,
                        proven: stored.email_verified_at.is_some(),
                        new_email: None,
                    };
                    self.notify_at(tx, &holder, Purpose::AccountDeleted, &caller.request)
                        .await?;
                    self.audit
                        .record(tx, Event::new(EventKind::AccountDeleted, account, caller))
                        .await?;
                    self.audit.forget(tx, account).await?;
                    Ok(())
                })
            })
            .await
    }
}

/// Checks that the session was not ended while the password was being verified.
async fn still_signed_in(tx: &mut Tx<'_>, session: SessionId, now: Timestamp) -> Result<(), PasswordError> {
    match sessions::lock_active(tx, session, now).await? {
        Some(_) => Ok(()),
        None => Err(PasswordError::Ended),
    }
}
