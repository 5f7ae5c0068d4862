//! Verifying the email address of an existing account.

use countersign_store::Tx;

use super::{Claim, Verification, VerifyError};
use crate::core::caller::Caller;
use crate::core::ids::{AccountId, SessionId};
use crate::core::layers::note_account;
use crate::core::password::Password;
use crate::core::versions::CredentialVersion;
use crate::features::identity::accounts;
use crate::features::identity::email_challenges::Checked;
use crate::features::messaging::outbox::Purpose;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::auth::{PasswordError, ProvenAccount};
use crate::features::sign_in::sessions;

/// The proof that the account belongs to the client.
enum Own {
    Session(SessionId),
    /// The client knows the password of this version.
    Password(CredentialVersion),
}

impl Verification {
    /// Verifies the email address. The handle of the request alone proves nothing here: anyone may request the email, and the
    /// password may have been set by another person who signed up. It counts if the client entered the password before it
    /// requested the email.
    pub(super) async fn verify_account(
        &self,
        account: AccountId,
        checked: &Checked,
        claim: Claim,
        caller: &Caller,
    ) -> Result<ProvenAccount, VerifyError> {
        if let Some(new) = claim.new_password {
            return self.verify_with_new_password(account, checked, new, caller).await;
        }
        let own = &match (claim.user, claim.password) {
            (Some(user), _) if user.account == account => Own::Session(user.session),
            (_, Some(password)) => Own::Password(
                self.auth
                    .confirm(account, password, EventKind::EmailVerified, caller)
                    .await?
                    .count()
                    .credential_version,
            ),
            _ => match checked.password_version {
                Some(version) => Own::Password(version),
                None => return Err(VerifyError::PasswordRequired),
            },
        };
        note_account(account);
        let caller = &caller.proven(account);
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let now = self.platform.clock.now();
                    let proven = self.challenges.spend(tx, Purpose::VerifyEmail, checked).await?;
                    self.still_own(tx, own, proven.credential_version).await?;
                    if accounts::set_verified(tx, proven.account, &proven.email, now).await? {
                        self.audit
                            .record(tx, Event::new(EventKind::EmailVerified, proven.account, caller))
                            .await?;
                    }
                    Ok(ProvenAccount::of(tx, proven.account).await?)
                })
            })
            .await
    }

    /// Checks that the session has not ended and the password has not changed since they were read.
    async fn still_own(&self, tx: &mut Tx<'_>, own: &Own, version: CredentialVersion) -> Result<(), VerifyError> {
        match own {
            Own::Session(session) => match sessions::lock_active(tx, *session, self.platform.clock.now()).await? {
                Some(_) => Ok(()),
                None => Err(PasswordError::Ended.into()),
            },
            Own::Password(seen) if *seen == version => Ok(()),
            Own::Password(_) => Err(PasswordError::Wrong.into()),
        }
    }

    /// Sets a new password for the reader of the email, as a recovery does.
    async fn verify_with_new_password(
        &self,
        account: AccountId,
        checked: &Checked,
        new: Password,
        caller: &Caller,
    ) -> Result<ProvenAccount, VerifyError> {
        let email = accounts::find(&self.platform.db, account)
            .await?
            .map_or_else(String::new, |account| account.email);
        let new = self
            .platform
            .check_password(&new, &email)
            .map_err(PasswordError::Fault)?;
        let hash = &self.platform.hasher.hash(new).await?;
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let proven = self.challenges.spend(tx, Purpose::VerifyEmail, checked).await?;
                    self.auth
                        .reset_password(tx, proven.account, &proven.email, hash, caller)
                        .await?;
                    Ok::<_, VerifyError>(ProvenAccount::of(&mut *tx, proven.account).await?)
                })
            })
            .await
    }
}
