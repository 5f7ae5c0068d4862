//! Confirming a pending sign-up, which creates its account.

use countersign_store::StoreError;

use super::{Claim, Verification, VerifyError};
use crate::core::caller::Caller;
use crate::core::email::NewEmail;
use crate::core::ids::AccountId;
use crate::core::layers::note_account;
use crate::core::limits::{Key, Policy};
use crate::core::password::{Asker, Lane, Password};
use crate::core::profile::Profile;
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts::{self, NewAccount};
use crate::features::identity::email_challenges::{ChallengeError, Checked, Registration, registrations};
use crate::features::messaging::outbox;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::auth::{PasswordError, ProvenAccount};

/// What the account of a confirmed sign-up gets.
struct Claimed {
    password_hash: String,
    profile: Profile,
}

impl Verification {
    /// Creates the account, with the password of the client's own sign-up or with a new one. Removes all sign-ups for the
    /// email address.
    pub(super) async fn verify_registration(
        &self,
        checked: &Checked,
        claim: Claim,
        caller: &Caller,
    ) -> Result<ProvenAccount, VerifyError> {
        let Claimed {
            password_hash: hash,
            profile,
        } = &self.claimed(checked, claim, &caller.request).await?;
        let id = AccountId::new(self.platform.clock.now(), self.platform.random);
        let caller = &caller.proven(id);
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    // Use the spelling that the email was sent to, because that is what was proven.
                    let email = parsed(&self.challenges.take(tx, checked).await?)?;
                    let new = NewAccount {
                        id,
                        email: &email,
                        profile,
                        password_hash: hash,
                        caller,
                    };
                    // An account created meanwhile is not changed.
                    if self.accounts.add(tx, &new).await?.is_none() {
                        return Err(ChallengeError::Invalid.into());
                    }
                    accounts::set_verified(tx, id, &email, self.platform.clock.now()).await?;
                    self.audit
                        .record(tx, Event::new(EventKind::EmailVerified, id, caller))
                        .await?;
                    self.challenges.mark_spent(tx, checked, id, &email).await?;
                    registrations::forget(tx, email.key()).await?;
                    outbox::assign(tx, &email, id).await?;
                    Ok(ProvenAccount::of(tx, id).await?)
                })
            })
            .await
            .inspect(|_| note_account(id))
    }

    /// Returns the client's own sign-up, by its handle: that of the link, or another pending one for the same email
    /// address.
    pub(super) async fn own_registration(
        &self,
        checked: &Checked,
        claim: &Claim,
    ) -> Result<Option<Registration>, StoreError> {
        let (Some(handle), Some(waiting)) = (claim.handle, self.challenges.peek_registration(checked).await?) else {
            return Ok(None);
        };
        if waiting.handle_hash == handle {
            return Ok(Some(waiting));
        }
        let email = parsed(&waiting)?;
        registrations::find_of(&self.platform.db, email.key(), handle, self.platform.clock.now()).await
    }

    /// Returns what the account gets. The profile is that of the client's own sign-up: the reader of the email gets nothing
    /// that someone else has entered.
    async fn claimed(&self, checked: &Checked, claim: Claim, request: &RequestInfo) -> Result<Claimed, VerifyError> {
        let own = self.own_registration(checked, &claim).await?;
        let profile = own.as_ref().map(Profile::from).unwrap_or_default();
        if claim.new_password.is_none()
            && let Some(own) = own
        {
            return Ok(Claimed {
                password_hash: own.password_hash,
                profile,
            });
        }
        let waiting = self.challenges.peek_registration(checked).await?;
        let waiting = waiting.ok_or(ChallengeError::Invalid)?;
        match (claim.new_password, claim.password) {
            (Some(new), _) => {
                let new = self
                    .platform
                    .check_password(&new, &waiting.email)
                    .map_err(PasswordError::Fault)?;
                Ok(Claimed {
                    password_hash: self.platform.hasher.hash(new).await?,
                    profile,
                })
            }
            (None, Some(password)) => self.judged(waiting, password, request).await,
            (None, None) => Err(VerifyError::PasswordRequired),
        }
    }

    /// Returns what the sign-up has, if the password matches it.
    async fn judged(
        &self,
        waiting: Registration,
        password: Password,
        request: &RequestInfo,
    ) -> Result<Claimed, VerifyError> {
        let mut reserved = self.platform.limits.reserve();
        if let Some(prefix) = request.prefix() {
            let key = Key::of(Policy::CodesPerAddress).address(prefix);
            let rate = key.rate(&self.platform.settings.limits);
            reserved.spend(key, rate).await.map_err(PasswordError::Limited)?;
        }
        let asker = Asker {
            lane: Lane::Others,
            began: Some(reserved.began()),
        };
        let hash = Some(waiting.password_hash.as_str());
        match self.platform.hasher.verify_for(password, hash, asker).await {
            Ok(verdict) if verdict.is_right() => {
                reserved.give_back().await;
                Ok(Claimed {
                    profile: Profile::from(&waiting),
                    password_hash: waiting.password_hash,
                })
            }
            Ok(_) => {
                reserved.count();
                Err(PasswordError::Wrong.into())
            }
            Err(error) => {
                reserved.give_back().await;
                Err(error.into())
            }
        }
    }
}

fn parsed(waiting: &Registration) -> Result<NewEmail, StoreError> {
    waiting.email.parse().map_err(|_| StoreError::Inconsistent {
        table: "registrations",
        column: "email",
    })
}
