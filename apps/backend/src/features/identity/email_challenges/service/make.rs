//! Creates and stores challenges, and ends earlier ones once the email has left.

use std::time::Duration;

use countersign_store::StoreError;

use super::super::code::Code;
use super::super::link_secret::LinkSecret;
use super::super::store::registrations::{self, Registration};
use super::super::store::{self, NewRow};
use super::super::whose::Whose;
use super::{ChallengeError, EmailChallenges, holds};
use crate::core::email::Email;
use crate::core::handle::HandleHash;
use crate::core::ids::SessionId;
use crate::core::password::Lane;
use crate::core::versions::{CredentialVersion, SessionEpoch};
use crate::features::identity::accounts;
use crate::features::messaging::outbox::{Binding, Purpose};
use crate::settings::LONGEST_MAIL_TIMEOUT;

/// ASVS 6.5.5: out-of-band codes are valid for ten minutes at most.
pub const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// A challenge whose email is about to be sent.
pub struct NewChallenge {
    pub link: LinkSecret,
    pub code: Code,
    code_hash: String,
    whose: Whose,
    purpose: Purpose,
    email: Email,
    credential_version: CredentialVersion,
    session_epoch: SessionEpoch,
    handle: Option<HandleHash>,
    session: Option<SessionId>,
    return_to: Option<String>,
    password_version: Option<CredentialVersion>,
}

impl NewChallenge {
    /// Sets where its reader continues, as in [`RequestInfo`](crate::core::request_info::RequestInfo).
    #[must_use]
    pub fn leading_to(self, return_to: Option<String>) -> Self {
        Self { return_to, ..self }
    }

    /// For tests of rendered emails.
    #[cfg(test)]
    pub fn sample() -> Self {
        use crate::core::ids::AccountId;
        use crate::core::random::SecureRandom;
        Self {
            link: LinkSecret::generate(SecureRandom),
            code: Code::generate(SecureRandom),
            code_hash: String::new(),
            whose: Whose::Account(AccountId(uuid::Uuid::nil())),
            purpose: Purpose::SignIn,
            email: "ada@example.com".parse().unwrap(),
            credential_version: CredentialVersion::NONE,
            session_epoch: SessionEpoch::NONE,
            handle: None,
            session: None,
            return_to: None,
            password_version: None,
        }
    }
}

/// How long a sign-up is kept: as long as its email may be queued, plus the lifetime of its link.
pub const REGISTRATION_LIFETIME: Duration = Purpose::VerifyEmail
    .worth_sending()
    .saturating_add(Purpose::VerifyEmail.link_lifetime());

impl EmailChallenges {
    /// Creates the challenge of an email about an account, whose state must be the same as when the email was requested.
    ///
    /// # Errors
    /// Hashing or the database failed. [`ChallengeError::Invalid`]: the account's state has changed, or it may not sign in.
    pub async fn make(
        &self,
        purpose: Purpose,
        binding: &Binding,
        email: &Email,
    ) -> Result<NewChallenge, ChallengeError> {
        let versions = accounts::may_sign_in(&self.platform.db, binding.account).await?;
        if !versions.is_some_and(|versions| holds(versions, binding.credential_version, binding.session_epoch)) {
            return Err(ChallengeError::Invalid);
        }
        let code = Code::generate(self.platform.random);
        // Emails are created a few at a time, and should not wait behind a flood of sign-ins.
        let lane = Lane::Known(binding.account.0);
        let code_hash = self.platform.hasher.rehash_for(code.as_password(), lane.into()).await?;
        Ok(NewChallenge {
            link: LinkSecret::generate(self.platform.random),
            code,
            code_hash,
            whose: Whose::Account(binding.account),
            purpose,
            email: email.clone(),
            credential_version: binding.credential_version,
            session_epoch: binding.session_epoch,
            handle: binding.handle,
            session: binding.session,
            return_to: None,
            password_version: binding.password_version,
        })
    }

    /// Creates the challenge of the email of a pending sign-up.
    ///
    /// # Errors
    /// Hashing failed.
    pub async fn make_for_registration(
        &self,
        waiting: &Registration,
        email: &Email,
    ) -> Result<NewChallenge, ChallengeError> {
        let code = Code::generate(self.platform.random);
        let code_hash = self.platform.hasher.rehash(code.as_password()).await?;
        Ok(NewChallenge {
            link: LinkSecret::generate(self.platform.random),
            code,
            code_hash,
            whose: Whose::Registration(waiting.id),
            purpose: Purpose::VerifyEmail,
            email: email.clone(),
            credential_version: CredentialVersion::NONE,
            session_epoch: SessionEpoch::NONE,
            handle: Some(waiting.handle_hash),
            session: None,
            return_to: None,
            password_version: None,
        })
    }

    /// Stores a challenge just before its email is handed to the mail server. It works from now on, because its reader may
    /// be faster than the mail server. The previous one works until [`set_sent`](Self::set_sent).
    ///
    /// # Errors
    /// [`ChallengeError::Invalid`]: the account or the sign-up has changed. Otherwise, the database failed.
    pub async fn store(&self, challenge: &NewChallenge) -> Result<(), ChallengeError> {
        let (new, now) = (challenge, self.platform.clock.now());
        let lifetime = new.purpose.link_lifetime();
        let row = &NewRow {
            link_hash: new.link.hash(),
            whose: new.whose,
            purpose: new.purpose.name(),
            email: new.email.typed(),
            email_key: new.email.key(),
            code_hash: &new.code_hash,
            credential_version: new.credential_version,
            session_epoch: new.session_epoch,
            handle: new.handle,
            session: new.session,
            return_to: new.return_to.as_deref(),
            password_version: new.password_version,
            created_at: now,
            link_expires_at: now + lifetime,
            code_expires_at: now + CODE_LIFETIME.min(lifetime),
            sent_at: None,
            spent_at: None,
        };
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let is_wanted = match new.whose {
                        Whose::Account(account) => accounts::may_sign_in(&mut *tx, account)
                            .await?
                            .is_some_and(|versions| holds(versions, new.credential_version, new.session_epoch)),
                        Whose::Registration(id) => registrations::find(&mut *tx, id, now).await?.is_some(),
                    };
                    if !is_wanted {
                        return Err(ChallengeError::Invalid);
                    }
                    Ok(store::insert(tx, row).await?)
                })
            })
            .await
    }

    /// The email has left: ends earlier challenges.
    pub async fn set_sent(&self, challenge: &NewChallenge) -> Result<(), StoreError> {
        let (hash, now) = (challenge.link.hash(), self.platform.clock.now());
        let (whose, purpose) = (challenge.whose, challenge.purpose.name());
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    if store::set_sent(tx, hash, now).await? {
                        // Including those whose delivery was interrupted by a crash.
                        store::end_others(tx, whose, purpose, hash, now - LONGEST_MAIL_TIMEOUT).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// The email did not leave: removes its challenge, and the previous one stays valid.
    pub async fn withdraw(&self, challenge: &NewChallenge) -> Result<(), StoreError> {
        store::withdraw(&self.platform.db, challenge.link.hash()).await
    }
}
