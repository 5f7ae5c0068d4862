//! Making what a mail proves, when it is sent.

use std::time::Duration;

use countersign_store::StoreError;

use super::super::code::Code;
use super::super::link_secret::LinkSecret;
use super::super::store::registrations::{self, Sent};
use super::super::store::{self, NewRow};
use super::{ChallengeError, EmailChallenges, Whose, holds};
use crate::core::email::Email;
use crate::core::ids::RegistrationId;
use crate::core::password::Lane;
use crate::features::accounts;
use crate::features::outbox::{Binding, Purpose};

/// ASVS 6.5.5: a code out of band lives ten minutes at most.
const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// What a mail is made of.
pub struct NewChallenge {
    pub link: LinkSecret,
    pub code: Code,
    /// What is kept of it once the mail has left.
    kept: Kept,
}

/// What the database will know of a mail. Not before it has left: until then the one before is good.
struct Kept {
    whose: Whose,
    purpose: Purpose,
    email: Option<Email>,
    binding: Option<Binding>,
    code_hash: String,
}

impl NewChallenge {
    /// For tests of what mails look like.
    #[cfg(test)]
    pub fn sample() -> Self {
        use crate::core::ids::AccountId;
        use crate::core::random::SecureRandom;
        Self {
            link: LinkSecret::generate(SecureRandom),
            code: Code::generate(SecureRandom),
            kept: Kept {
                whose: Whose::Account(AccountId(uuid::Uuid::nil())),
                purpose: Purpose::SignIn,
                email: None,
                binding: None,
                code_hash: String::new(),
            },
        }
    }
}

/// How long a sign-up waits: as long as its mail is worth sending, and then as long as its link is good for.
pub const REGISTRATION_LIFETIME: Duration = Purpose::VerifyEmail
    .worth_sending()
    .saturating_add(Purpose::VerifyEmail.link_lifetime());

impl EmailChallenges {
    /// Makes the challenge of a mail that is about to be sent. The account must be in the state in which the mail was asked for.
    /// Nothing is proven by it before [`keep`](Self::keep) is called, and what was mailed before is good until then: a mail that does not
    /// arrive voids none.
    ///
    /// # Errors
    /// That hashing or the database failed. [`ChallengeError::Invalid`]: the account is in another state, or may not sign in.
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
        let (link, code) = (
            LinkSecret::generate(self.platform.random),
            Code::generate(self.platform.random),
        );
        // Mails are made a few at a time, and are not to wait behind a crowd of strangers.
        let lane = Lane::Known(binding.account.0);
        let code_hash = self.platform.hasher.rehash_for(code.as_password(), lane.into()).await?;
        let kept = Kept {
            whose: Whose::Account(binding.account),
            purpose,
            email: Some(email.clone()),
            binding: Some(binding.clone()),
            code_hash,
        };
        Ok(NewChallenge { link, code, kept })
    }

    /// Makes what the mail of a sign-up proves, once it is kept.
    ///
    /// # Errors
    /// That hashing failed.
    pub async fn make_for_registration(&self, id: RegistrationId) -> Result<NewChallenge, ChallengeError> {
        let (link, code) = (
            LinkSecret::generate(self.platform.random),
            Code::generate(self.platform.random),
        );
        let code_hash = self.platform.hasher.rehash(code.as_password()).await?;
        let kept = Kept {
            whose: Whose::Registration(id),
            purpose: Purpose::VerifyEmail,
            email: None,
            binding: None,
            code_hash,
        };
        Ok(NewChallenge { link, code, kept })
    }

    /// Its mail has left: from now on it proves something, in place of the one before. Unless the account or the sign-up has
    /// changed meanwhile: then it never does.
    pub async fn keep(&self, made: &NewChallenge) -> Result<(), StoreError> {
        let (hash, kept, now) = (made.link.hash(), &made.kept, self.platform.clock.now());
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let lifetime = kept.purpose.link_lifetime();
                    let ends = (now + lifetime, now + CODE_LIFETIME.min(lifetime));
                    match (kept.whose, &kept.email, &kept.binding) {
                        (Whose::Registration(id), ..) => {
                            let sent = Sent {
                                link_hash: hash,
                                code_hash: &kept.code_hash,
                                link_expires_at: ends.0,
                                code_expires_at: ends.1,
                            };
                            registrations::send(tx, id, &sent, now).await.map(drop)
                        }
                        (Whose::Account(account), Some(email), Some(binding)) => {
                            let versions = accounts::may_sign_in(&mut *tx, account).await?;
                            if !versions.is_some_and(|versions| {
                                holds(versions, binding.credential_version, binding.session_epoch)
                            }) {
                                return Ok(());
                            }
                            let new = NewRow {
                                account,
                                purpose: kept.purpose.name(),
                                email: email.typed(),
                                email_key: email.key(),
                                link_hash: hash,
                                code_hash: &kept.code_hash,
                                credential_version: binding.credential_version,
                                session_epoch: binding.session_epoch,
                                handle: binding.handle,
                                session: binding.session,
                                created_at: now,
                                link_expires_at: ends.0,
                                code_expires_at: ends.1,
                            };
                            store::replace(tx, &new).await
                        }
                        (Whose::Account(_), ..) => Ok(()),
                    }
                })
            })
            .await
    }
}
