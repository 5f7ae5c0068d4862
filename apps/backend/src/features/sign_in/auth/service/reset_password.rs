//! Setting a new password for the owner of an account's mailbox, regardless of who used the account before.

use countersign_store::{StoreError, Tx};

use super::Auth;
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::layers::note_account;
use crate::core::profile::Profile;
use crate::features::identity::accounts;
use crate::features::identity::devices;
use crate::features::messaging::outbox::Purpose;
use crate::features::oauth::consents;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::revocation::RevokingTx;
use crate::features::sign_in::sessions;

impl Auth {
    /// Sets the password of an account whose email address was just proven. Ends its sessions, and voids its earlier emails,
    /// which are bound to its versions. If the email address was unverified, its name, metadata and consents are removed.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn reset_password(
        &self,
        tx: &mut RevokingTx<'_, '_, '_>,
        account: AccountId,
        email: &Email,
        password_hash: &str,
        caller: &Caller,
    ) -> Result<(), StoreError> {
        note_account(account);
        let (now, caller) = (self.platform.clock.now(), &caller.proven(account));
        accounts::change_password(tx, account, None, password_hash, now).await?;
        if accounts::set_verified(tx, account, email, now).await? {
            forget_unproven(tx, account, now).await?;
            self.audit
                .record(tx, Event::new(EventKind::EmailVerified, account, caller))
                .await?;
        }
        self.audit
            .record(tx, Event::new(EventKind::PasswordReset, account, caller))
            .await?;
        self.notify(tx, account, Purpose::PasswordChanged, &caller.request)
            .await?;
        sessions::end_all(tx, account, None, now).await?;
        // The devices were forgotten along with the sessions, but this one has access to the mailbox and may sign in next.
        devices::remember(tx, account, &caller.request, now).await
    }
}

/// Removes what was entered and allowed before the email address was proven, because that may not have been the owner.
pub(super) async fn forget_unproven(tx: &mut Tx<'_>, account: AccountId, now: Timestamp) -> Result<(), StoreError> {
    accounts::set_profile(tx, account, &Profile::default(), now).await?;
    consents::withdraw_all(tx, account).await
}
