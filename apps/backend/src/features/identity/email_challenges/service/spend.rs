//! Spends a challenge once, in the transaction of its action.

use countersign_store::{StoreError, Tx};

use super::super::store;
use super::super::store::NewRow;
use super::super::store::former;
use super::super::store::registrations::{self, Registration};
use super::super::whose::Whose;
use super::{ChallengeError, Checked, EmailChallenges, Proven, holds, proven};
use crate::core::clock::Timestamp;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::versions::{CredentialVersion, SessionEpoch};
use crate::features::identity::accounts;
use crate::features::identity::guesses::{self, EmailDigest};
use crate::features::messaging::outbox::Purpose;

/// Before any challenge was created.
const LONG_AGO: Timestamp = Timestamp(0);

impl EmailChallenges {
    /// Spends a challenge of an account in the transaction of its action. The account's state must be the same as when the email
    /// was requested.
    ///
    /// # Errors
    /// [`ChallengeError::Invalid`], or any error of the database. Then roll back the transaction; nothing is spent.
    pub async fn spend(&self, tx: &mut Tx<'_>, purpose: Purpose, checked: &Checked) -> Result<Proven, ChallengeError> {
        let now = self.platform.clock.now();
        let spent = store::spend(tx, checked.hash, purpose.name(), now).await?;
        let spent = spent.ok_or(ChallengeError::Invalid)?;
        // Earlier ones, if its own email is still being handed over.
        let whose = Whose::Account(spent.account_id);
        store::end_others(tx, whose, purpose.name(), checked.hash, LONG_AGO).await?;
        former::use_up(tx, spent.account_id, purpose.name()).await?;
        let versions = accounts::may_sign_in(&mut *tx, spent.account_id)
            .await?
            .ok_or(ChallengeError::Invalid)?;
        if !holds(versions, spent.credential_version, spent.session_epoch) {
            return Err(ChallengeError::Invalid);
        }
        let proven = Proven {
            credential_version: versions.credential_version,
            ..proven(spent)?
        };
        guesses::forget(tx, EmailDigest::of(proven.email.key()), purpose).await?;
        Ok(proven)
    }

    /// Takes the checked sign-up once, in the transaction that creates its account.
    ///
    /// # Errors
    /// [`ChallengeError::Invalid`], or any error of the database. Then roll back the transaction; the sign-up remains pending.
    pub async fn take(&self, tx: &mut Tx<'_>, checked: &Checked) -> Result<Registration, ChallengeError> {
        let now = self.platform.clock.now();
        // Before they are removed.
        former::note_sign_ups(tx, checked.hash).await?;
        let taken = registrations::take(tx, checked.hash, now).await?;
        let taken = taken.ok_or(ChallengeError::Invalid)?;
        if let Ok(email) = taken.email.parse::<Email>() {
            guesses::forget(tx, EmailDigest::of(email.key()), Purpose::VerifyEmail).await?;
        }
        Ok(taken)
    }

    /// Records that a link created this account, in case it is opened again. `verification` calls it in the same transaction.
    pub async fn mark_spent(
        &self,
        tx: &mut Tx<'_>,
        checked: &Checked,
        account: AccountId,
        email: &Email,
    ) -> Result<(), StoreError> {
        let (now, purpose) = (self.platform.clock.now(), Purpose::VerifyEmail);
        let new = NewRow {
            link_hash: checked.hash,
            whose: Whose::Account(account),
            purpose: purpose.name(),
            email: email.typed(),
            email_key: email.key(),
            code_hash: "",
            credential_version: CredentialVersion::NONE,
            session_epoch: SessionEpoch::NONE,
            handle: None,
            session: None,
            return_to: checked.return_to.as_deref(),
            password_version: None,
            created_at: now,
            link_expires_at: now + purpose.link_lifetime(),
            code_expires_at: now,
            sent_at: Some(now),
            spent_at: Some(now),
        };
        store::insert(tx, &new).await?;
        former::adopt(tx, account, email.key()).await
    }
}
