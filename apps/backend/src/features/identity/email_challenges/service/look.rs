//! Looks up challenges without spending them.

use countersign_store::{StoreError, Tx};

use super::super::link_secret::LinkSecret;
use super::super::presenter::Presenter;
use super::super::store;
use super::super::store::former;
use super::super::store::registrations::{self, Registration};
use super::super::whose::Whose;
use super::{ChallengeError, Checked, EmailChallenges, Proven, holds, proven};
use crate::core::email::Email;
use crate::core::ids::{AccountId, SessionId};
use crate::core::versions::{CredentialVersion, SessionEpoch};
use crate::features::identity::accounts;
use crate::features::messaging::outbox::{self, Action, Binding, MailParams, Purpose, Recipient, TIME_TO_READ};

impl EmailChallenges {
    /// Returns the owner and the email address of the active challenge of a link, without spending it.
    ///
    /// # Errors
    /// [`ChallengeError::Invalid`], or any error of the database.
    pub async fn peek(&self, purpose: Purpose, link: &LinkSecret) -> Result<Proven, ChallengeError> {
        let found = store::find_of_account(
            &self.platform.db,
            link.hash(),
            purpose.name(),
            self.platform.clock.now(),
        )
        .await?;
        proven(found.ok_or(ChallengeError::Invalid)?)
    }

    /// Returns the purpose of an active link that allows this action, and its email address.
    ///
    /// # Errors
    /// [`ChallengeError::Invalid`], or any error of the database.
    pub async fn purpose_of(&self, action: Action, link: &LinkSecret) -> Result<(Purpose, Email), ChallengeError> {
        for purpose in Purpose::that_allow(action) {
            match self.peek(purpose, link).await {
                Ok(proven) => return Ok((purpose, proven.email)),
                Err(ChallengeError::Invalid) => {}
                Err(error) => return Err(error),
            }
        }
        Err(ChallengeError::Invalid)
    }

    /// Returns whether a link can be redeemed for this action, without spending it.
    pub async fn is_redeemable(&self, action: Action, link: &LinkSecret) -> Result<bool, StoreError> {
        for purpose in Purpose::that_allow(action) {
            match self.find(purpose, link.hash(), &Presenter::default()).await {
                Ok(checked) => {
                    let is_account = matches!(checked.whose, Whose::Account(_));
                    return Ok(is_account || self.peek_registration(&checked).await?.is_some());
                }
                Err(ChallengeError::Store(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Ok(false)
    }

    /// Returns the checked sign-up without confirming it.
    pub async fn peek_registration(&self, checked: &Checked) -> Result<Option<Registration>, StoreError> {
        match checked.whose {
            Whose::Registration(id) => registrations::find(&self.platform.db, id, self.platform.clock.now()).await,
            Whose::Account(_) => Ok(None),
        }
    }

    /// Returns whether the purpose of a link is done: by the link, by a newer one that replaced it, or, for verification,
    /// in any other way. Returns `false` for an unknown or expired link.
    pub async fn is_done(&self, purpose: Purpose, link: &LinkSecret) -> Result<bool, StoreError> {
        let (hash, now) = (link.hash(), self.platform.clock.now());
        let email = match store::known(&self.platform.db, hash, purpose.name(), now).await? {
            Some(known) if known.spent_at.is_some() => return Ok(true),
            Some(known) => Some(known.email),
            None => match former::find(&self.platform.db, hash, purpose.name(), now).await? {
                Some(former) if former.is_used() => return Ok(true),
                former => former.map(|former| former.email),
            },
        };
        if purpose.recipient() != Some(Recipient::Unverified) {
            return Ok(false);
        }
        let Some(Ok(email)) = email.map(|email| email.parse()) else {
            return Ok(false);
        };
        let account = accounts::find_by_email(&self.platform.db, &email).await?;
        Ok(account.is_some_and(|account| account.email_verified_at.is_some()))
    }

    /// Returns where the reader of a link continues, even if it was already used. `None`: nowhere in particular, or the link
    /// is unknown or expired.
    pub async fn return_to(&self, action: Action, link: &LinkSecret) -> Result<Option<String>, StoreError> {
        let (hash, now) = (link.hash(), self.platform.clock.now());
        for purpose in Purpose::that_allow(action) {
            if let Some(known) = store::known(&self.platform.db, hash, purpose.name(), now).await? {
                return Ok(known.return_to);
            }
        }
        Ok(None)
    }

    /// Returns whether a link of this kind is in the mailbox or queued and remains valid for a while, for the account that
    /// `binding` names or for a pending sign-up.
    pub async fn is_at_hand(
        &self,
        tx: &mut Tx<'_>,
        purpose: Purpose,
        binding: Option<&Binding>,
        to: &Email,
    ) -> Result<bool, StoreError> {
        let until = self.platform.clock.now() + TIME_TO_READ;
        let recipient = purpose.recipient();
        let account = binding.map_or(AccountId(uuid::Uuid::nil()), |binding| binding.account);
        let current = accounts::may_sign_in(&mut *tx, account).await?;
        let works = |versions: (CredentialVersion, SessionEpoch), session: Option<SessionId>| {
            let is_holding = current.is_some_and(|current| holds(current, versions.0, versions.1));
            is_holding
                && (recipient != Some(Recipient::NewAddress)
                    || binding.is_some_and(|binding| binding.session == session))
        };
        let comes = |queued: &MailParams| match &queued.binding {
            Some(queued) => {
                queued.account == account && works((queued.credential_version, queued.session_epoch), queued.session)
            }
            None => binding.is_none() && queued.registration.is_some(),
        };
        if outbox::queued(tx, purpose, to).await?.iter().any(comes) {
            return Ok(true);
        }
        let live = store::live(tx, account, purpose.name(), to.key(), until).await?;
        let waits = recipient == Some(Recipient::Unverified) && registrations::is_live(tx, to.key(), until).await?;
        let is_live =
            live.is_some_and(|found| works((found.credential_version, found.session_epoch), found.session_id));
        Ok(is_live || (waits && binding.is_none()))
    }
}
