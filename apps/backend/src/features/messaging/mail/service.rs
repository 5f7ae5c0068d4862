//! Delivers the emails queued in the outbox.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_store::StoreError;

use super::compose::compose;
use crate::core::cleanup::in_batches;
use crate::core::email::Email;
use crate::core::ids::{AccountId, RegistrationId};
use crate::core::mailer::SendError;
use crate::core::metrics::SendOutcome;
use crate::core::platform::Platform;
use crate::features::identity::accounts::{self, Account};
use crate::features::identity::email_challenges::{self, ChallengeError, EmailChallenges, NewChallenge, registrations};
use crate::features::identity::guesses;
use crate::features::messaging::outbox::{
    self, Binding, ClaimedMail, MailOutcome, MailParams, Outbox, Purpose, Recipient,
};

/// How often a worker polls for a queued email.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How long a worker waits after the database failed.
const OUTAGE_PAUSE: Duration = Duration::from_secs(5);
/// The number of concurrent workers, so that a slow mail server delays few emails.
const WORKERS: usize = 4;
/// How long ended emails are kept, so that their outcome can be looked up.
const MAILS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long ended challenges are kept.
const CHALLENGES_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The minimum time that entries of the send log are kept; longer if a limit covers a longer period.
const SEND_LOG_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How often old rows are removed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Delivers the emails queued in the outbox. Cloning is cheap.
#[derive(Clone)]
pub struct Delivery {
    pub(crate) platform: Platform,
    pub(crate) outbox: Outbox,
    pub(crate) challenges: EmailChallenges,
}

/// Why an email could not be delivered.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The challenge could not be created.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// It could not be rendered.
    #[error(transparent)]
    Compose(#[from] askama::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Delivery {
    /// Delivers until the process ends.
    pub async fn deliver_forever(self) {
        let outage = Outage::default();
        let workers = (0..WORKERS).map(|_| self.work(&outage));
        tokio::join!(futures_util::future::join_all(workers), self.sweep_forever());
    }

    async fn work(&self, outage: &Outage) {
        loop {
            match self.deliver_next().await {
                Ok(more) => {
                    outage.ends();
                    if !more {
                        tokio::time::sleep(POLL_INTERVAL).await;
                    }
                }
                Err(error) => {
                    outage.continues(&error);
                    tokio::time::sleep(OUTAGE_PAUSE).await;
                }
            }
        }
    }
}

/// An outage of the database. It is logged once when it begins and once when it ends.
#[derive(Default)]
struct Outage(AtomicBool);

impl Outage {
    fn continues(&self, error: &DeliverError) {
        match error {
            DeliverError::Store(error) | DeliverError::Challenge(ChallengeError::Store(error)) => {
                if !self.0.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "failed to read queued emails from the database; will retry");
                }
            }
            error => tracing::warn!(%error, "failed to compose an email; will retry"),
        }
    }

    fn ends(&self) {
        if self.0.swap(false, Ordering::Relaxed) {
            tracing::info!("resumed reading queued emails from the database");
        }
    }
}

impl Delivery {
    async fn sweep_forever(&self) {
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "failed to remove old emails from the database; will retry");
            }
            if let Err(error) = self.measure().await {
                tracing::warn!(%error, "failed to count queued emails; will retry");
            }
        }
    }

    /// Counts the overdue emails for the metrics.
    pub async fn measure(&self) -> Result<(), StoreError> {
        let overdue = self.outbox.overdue().await?;
        let age = overdue
            .since
            .map_or(0, |since| self.platform.clock.now().millis() - since.millis());
        self.platform
            .metrics
            .emails_overdue(overdue.count, Duration::from_millis(u64::try_from(age).unwrap_or(0)));
        Ok(())
    }

    /// Removes emails and challenges that ended long ago.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let (db, now) = (&self.platform.db, self.platform.clock.now());
        in_batches(|limit| outbox::remove_ended(db, now - MAILS_KEPT, limit)).await?;
        let counted = self.platform.settings.limits.emails_per_recipient.per;
        let counted = counted.max(self.platform.settings.limits.emails_per_recipient_and_network.per);
        in_batches(|limit| outbox::trim_send_log(db, now - counted.max(SEND_LOG_KEPT), limit)).await?;
        in_batches(|limit| email_challenges::remove_ended(db, now - CHALLENGES_KEPT, limit)).await?;
        in_batches(|limit| guesses::remove_ended(db, now, limit)).await?;
        in_batches(|limit| registrations::remove_ended(db, now, limit)).await?;
        in_batches(|limit| email_challenges::remove_former(db, now, limit)).await?;
        Ok(())
    }

    /// Sends the email that has been due the longest, or ends it. Returns whether there was one.
    ///
    /// # Errors
    /// [`DeliverError`]; the email stays queued.
    pub async fn deliver_next(&self) -> Result<bool, DeliverError> {
        let Some(mail) = self.outbox.claim().await? else {
            return Ok(false);
        };
        let (mail, challenge) = match self.prepare(&mail).await {
            Ok(Some(ready)) => (
                ClaimedMail {
                    purpose: ready.purpose,
                    to: ready.to,
                    params: MailParams {
                        account: mail.params.account.or(ready.owner),
                        ..mail.params
                    },
                    ..mail
                },
                ready.challenge,
            ),
            Ok(None) | Err(DeliverError::Challenge(ChallengeError::Invalid)) => return self.drop_mail(&mail).await,
            Err(error) => return Err(error),
        };
        let challenge = challenge.map(|challenge| challenge.leading_to(mail.params.return_to.clone()));
        let message = compose(&self.platform, &mail, challenge.as_ref())?;
        // Stored before sending, because the recipient may answer before the mail server responds.
        if let Some(challenge) = &challenge {
            match self.challenges.store(challenge).await {
                Ok(()) => {}
                Err(ChallengeError::Invalid) => return self.drop_mail(&mail).await,
                Err(error) => return Err(error.into()),
            }
        }
        let sent = self.platform.mailer.send(&message).await;
        if let Some(challenge) = &challenge {
            match &sent {
                Ok(()) if !self.outbox.is_superseded(&mail).await? => self.challenges.set_sent(challenge).await?,
                Ok(()) | Err(_) => self.challenges.withdraw(challenge).await?,
            }
        }
        match sent {
            Ok(()) => {
                self.end(&mail, MailOutcome::Sent, None).await?;
                self.platform.metrics.mail(SendOutcome::Sent);
            }
            Err(SendError::Transient(why)) => {
                tracing::warn!(mail = %mail.id, purpose = mail.purpose.name(), attempt = mail.attempt, why, "the \
                     mail server temporarily rejected an email; will retry");
                self.outbox.postpone(&mail, &why).await?;
                self.platform.metrics.mail(SendOutcome::Postponed);
            }
            Err(SendError::Unavailable(why)) => {
                tracing::error!(mail = %mail.id, purpose = mail.purpose.name(), attempt = mail.attempt, why, "failed to send an email; will retry");
                self.outbox.postpone(&mail, &why).await?;
                self.platform.metrics.mail(SendOutcome::Failed);
            }
            Err(SendError::Permanent(why)) => {
                tracing::warn!(mail = %mail.id, purpose = mail.purpose.name(), why, "the mail server rejected an \
                     email; dropping it");
                self.end(&mail, MailOutcome::Refused, Some(&why)).await?;
                self.platform.metrics.mail(SendOutcome::Refused);
            }
        }
        Ok(true)
    }

    async fn drop_mail(&self, mail: &ClaimedMail) -> Result<bool, DeliverError> {
        self.end(mail, MailOutcome::Dropped, None).await?;
        self.platform.metrics.mail(SendOutcome::Dropped);
        Ok(true)
    }

    /// Records the outcome. Of an email about an account that has been deleted, only a refusal is kept.
    async fn end(&self, mail: &ClaimedMail, outcome: MailOutcome, failure: Option<&str>) -> Result<(), StoreError> {
        if let Some(account) = mail.params.about().filter(|_| outcome != MailOutcome::Refused)
            && accounts::find(&self.platform.db, account).await?.is_none()
        {
            return self.outbox.remove(mail).await;
        }
        self.outbox.end(mail, outcome, failure).await
    }
}

/// An email that has a recipient.
struct Ready {
    purpose: Purpose,
    to: Email,
    /// The account that has the email address, if the request did not know it.
    owner: Option<AccountId>,
    challenge: Option<NewChallenge>,
}

impl Delivery {
    /// Determines the recipient and creates the challenge. `None`: the account no longer exists, or its state has
    /// changed since the request.
    async fn prepare(&self, mail: &ClaimedMail) -> Result<Option<Ready>, DeliverError> {
        let Some(recipient) = mail.purpose.recipient() else {
            return Ok(Some(Ready {
                purpose: mail.purpose,
                to: mail.to.clone(),
                owner: None,
                challenge: None,
            }));
        };
        match (recipient, &mail.params) {
            (
                Recipient::Unverified,
                MailParams {
                    registration: Some(id), ..
                },
            ) => self.of_registration(*id).await,
            (
                Recipient::NewAddress,
                MailParams {
                    binding: Some(binding), ..
                },
            ) => {
                if self.outbox.is_superseded(mail).await? {
                    return Ok(None);
                }
                // No account may have the email address yet.
                match accounts::find_by_email(&self.platform.db, &mail.to).await? {
                    Some(_) => Ok(None),
                    None => self.challenging(mail.purpose, binding, mail.to.clone()).await.map(Some),
                }
            }
            (
                Recipient::Unverified,
                MailParams {
                    binding: Some(binding), ..
                },
            ) => {
                let is_unverified = |account: &Account| account.email_verified_at.is_none();
                self.of_account(mail.purpose, binding, is_unverified).await
            }
            (
                Recipient::Account,
                MailParams {
                    binding: Some(binding), ..
                },
            ) => self.of_account(mail.purpose, binding, |_| true).await,
            (_, MailParams { binding: None, .. }) => Ok(None),
        }
    }

    /// Prepares an email that grants access to an account. It is sent to the account's email address, however the request
    /// spelled it.
    async fn of_account(
        &self,
        purpose: Purpose,
        binding: &Binding,
        is_wanted: impl Fn(&Account) -> bool,
    ) -> Result<Option<Ready>, DeliverError> {
        let account = accounts::find(&self.platform.db, binding.account).await?;
        match account.filter(is_wanted).map(|account| account.email.parse()) {
            Some(Ok(to)) => self.challenging(purpose, binding, to).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Prepares the email of a sign-up. If the email address has an account, its owner is notified instead.
    async fn of_registration(&self, id: RegistrationId) -> Result<Option<Ready>, DeliverError> {
        let waiting = registrations::find(&self.platform.db, id, self.platform.clock.now()).await?;
        let Some(waiting) = waiting else { return Ok(None) };
        let Ok(to) = waiting.email.parse::<Email>() else {
            return Ok(None);
        };
        let existing = accounts::find_by_email(&self.platform.db, &to).await?;
        // Both cases cost a hash.
        let challenge = self.challenges.make_for_registration(&waiting, &to).await?;
        Ok(Some(
            match existing.map(|account| (account.id, account.email.parse())) {
                Some((owner, Ok(to))) => Ready {
                    purpose: Purpose::AlreadyRegistered,
                    to,
                    owner: Some(owner),
                    challenge: None,
                },
                Some((_, Err(_))) => return Ok(None),
                None => Ready {
                    purpose: Purpose::VerifyEmail,
                    to,
                    owner: None,
                    challenge: Some(challenge),
                },
            },
        ))
    }

    async fn challenging(&self, purpose: Purpose, binding: &Binding, to: Email) -> Result<Ready, DeliverError> {
        let challenge = Some(self.challenges.make(purpose, binding, &to).await?);
        Ok(Ready {
            purpose,
            to,
            owner: None,
            challenge,
        })
    }
}
