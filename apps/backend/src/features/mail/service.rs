//! Sending what the outbox owes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_store::StoreError;

use super::compose::compose;
use crate::core::email::Email;
use crate::core::ids::RegistrationId;
use crate::core::mailer::SendError;
use crate::core::platform::Platform;
use crate::features::accounts::{self, Account};
use crate::features::guesses;
use crate::features::outbox::{self, Asked, Due, Outbox, Outcome, Particulars, Purpose};
use crate::features::proofs::{self, Made, ProofError, Proofs, registrations};

/// How soon a mail that is owed is looked for.
const REST: Duration = Duration::from_secs(1);
/// How long the outbox rests after the database failed.
const PAUSE: Duration = Duration::from_secs(5);
/// How many are sent at once: a slow mail server holds up few.
const LANES: usize = 4;
/// How long ended mails are remembered: for whoever asks what became of one.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Proofs that have ended are remembered for so long.
const PROOFS_REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long it is remembered that somebody was sent a mail, if no limit looks back further.
const MARKS_REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);
/// How often what has ended is removed, and how many rows go in one statement.
const TIDY_EVERY: Duration = Duration::from_secs(60);
const BATCH: i64 = 500;

/// Sends what the outbox owes. Cloning it is cheap.
#[derive(Clone)]
pub struct Delivery {
    pub(crate) platform: Platform,
    pub(crate) outbox: Outbox,
    pub(crate) proofs: Proofs,
}

/// Why no mail was delivered.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The proof could not be made.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// It could not be written.
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
        let lanes = (0..LANES).map(|_| self.lane(&outage));
        tokio::join!(futures_util::future::join_all(lanes), self.tidy_forever());
    }

    async fn lane(&self, outage: &Outage) {
        loop {
            match self.deliver_next().await {
                Ok(more) => {
                    outage.is_over();
                    if !more {
                        tokio::time::sleep(REST).await;
                    }
                }
                Err(error) => {
                    outage.goes_on(&error);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// What keeps all lanes from their work. It is told once when it begins and once when it is over.
#[derive(Default)]
struct Outage(AtomicBool);

impl Outage {
    fn goes_on(&self, error: &DeliverError) {
        match error {
            DeliverError::Store(error) | DeliverError::Proof(ProofError::Store(error)) => {
                if !self.0.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the outbox in the database cannot be used: mails that are owed wait for it");
                }
            }
            error => tracing::warn!(%error, "a mail could not be made; trying again"),
        }
    }

    fn is_over(&self) {
        if self.0.swap(false, Ordering::Relaxed) {
            tracing::info!("the outbox in the database can be used again");
        }
    }
}

impl Delivery {
    async fn tidy_forever(&self) {
        loop {
            tokio::time::sleep(TIDY_EVERY).await;
            if let Err(error) = self.tidy().await {
                tracing::warn!(%error, "old mails could not be removed from the database; trying again");
            }
            if let Err(error) = self.measure().await {
                tracing::warn!(%error, "owed mails could not be counted; trying again");
            }
        }
    }

    /// Counts what should have left, for the metrics.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn measure(&self) -> Result<(), StoreError> {
        let overdue = self.outbox.overdue().await?;
        let age = overdue
            .since
            .map_or(0, |since| self.platform.clock.now().millis() - since.millis());
        self.platform
            .metrics
            .mails_overdue(overdue.count, Duration::from_millis(u64::try_from(age).unwrap_or(0)));
        Ok(())
    }

    /// Removes mails and proofs that ended long ago.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        let now = self.platform.clock.now();
        while outbox::remove_ended(&self.platform.db, now - REMEMBERED, BATCH).await? > 0 {}
        let counted = self.platform.settings.limits.mails_per_recipient.per;
        let counted = counted.max(self.platform.settings.limits.mails_per_recipient_and_address.per);
        while outbox::remove_old_marks(&self.platform.db, now - counted.max(MARKS_REMEMBERED), BATCH).await? > 0 {}
        while proofs::remove_ended(&self.platform.db, now - PROOFS_REMEMBERED, BATCH).await? > 0 {}
        while guesses::remove_ended(&self.platform.db, now, BATCH).await? > 0 {}
        while registrations::remove_ended(&self.platform.db, now, BATCH).await? > 0 {}
        while proofs::remove_former(&self.platform.db, now, BATCH).await? > 0 {}
        Ok(())
    }

    /// Sends the mail that is due the longest, or ends it otherwise. Says whether there was one.
    ///
    /// # Errors
    /// [`DeliverError`]: the mail stays owed.
    pub async fn deliver_next(&self) -> Result<bool, DeliverError> {
        let Some(due) = self.outbox.claim().await? else {
            return Ok(false);
        };
        let (due, made) = match self.prepare(&due).await {
            Ok(Some(ready)) => (
                Due {
                    purpose: ready.purpose,
                    to: ready.to,
                    ..due
                },
                ready.made,
            ),
            Ok(None) | Err(DeliverError::Proof(ProofError::Invalid)) => {
                self.outbox.end(&due, Outcome::Dropped, None).await?;
                self.platform.metrics.mail(Outcome::Dropped.name());
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        let mail = compose(&self.platform, &due, made.as_ref())?;
        match self.platform.mailer.send(&mail).await {
            Ok(()) => {
                // Only now: a mail that does not leave voids none that did.
                if let Some(made) = &made {
                    self.proofs.keep(made).await?;
                }
                self.outbox.end(&due, Outcome::Sent, None).await?;
                self.platform.metrics.mail(Outcome::Sent.name());
            }
            Err(SendError::NotNow(why)) => {
                tracing::warn!(mail = %due.id, purpose = due.purpose.name(), attempt = due.attempt, why, "a mail did not leave; trying again");
                self.outbox.postpone(&due, &why).await?;
                self.platform.metrics.mail("postponed");
            }
            Err(SendError::Ours(why)) => {
                tracing::error!(mail = %due.id, purpose = due.purpose.name(), attempt = due.attempt, why, "mails do not leave; trying again");
                self.outbox.postpone(&due, &why).await?;
                self.platform.metrics.mail("failed");
            }
            Err(SendError::Never(why)) => {
                tracing::warn!(mail = %due.id, purpose = due.purpose.name(), why, "a mail is refused for good");
                self.outbox.end(&due, Outcome::Refused, Some(&why)).await?;
                self.platform.metrics.mail(Outcome::Refused.name());
            }
        }
        Ok(true)
    }
}

/// A mail that has a recipient.
struct Ready {
    purpose: Purpose,
    to: Email,
    made: Option<Made>,
}

impl Delivery {
    /// Whom a mail goes to, and what it can prove. `None`: there is no such account any more, or it is in another state than
    /// when the mail was asked for.
    async fn prepare(&self, due: &Due) -> Result<Option<Ready>, DeliverError> {
        match (due.purpose, &due.particulars) {
            (
                Purpose::AlreadyRegistered
                | Purpose::NewSignIn
                | Purpose::PasswordChanged
                | Purpose::EmailChanged
                | Purpose::AccountDeleted,
                _,
            ) => Ok(Some(Ready {
                purpose: due.purpose,
                to: due.to.clone(),
                made: None,
            })),
            (
                Purpose::VerifyEmail,
                Particulars {
                    registration: Some(id), ..
                },
            ) => self.of_registration(*id).await,
            (Purpose::ChangeEmail, Particulars { asked: Some(asked), .. }) => {
                // It is nobody's yet.
                match accounts::find_by_email(&self.platform.db, &due.to).await? {
                    Some(_) => Ok(None),
                    None => self.proven(due.purpose, asked, due.to.clone()).await.map(Some),
                }
            }
            (_, Particulars { asked: Some(asked), .. }) => self.of_account(due.purpose, asked).await,
            _ => Ok(None),
        }
    }

    /// A mail that opens an account goes to the address of the account, however whoever asked for it spelled that.
    async fn of_account(&self, purpose: Purpose, asked: &Asked) -> Result<Option<Ready>, DeliverError> {
        let account = accounts::find(&self.platform.db, asked.account).await?;
        let unproven = |account: &Account| purpose != Purpose::VerifyEmail || account.email_verified_at.is_none();
        match account.filter(unproven).map(|account| account.email.parse()) {
            Some(Ok(to)) => self.proven(purpose, asked, to).await.map(Some),
            _ => Ok(None),
        }
    }

    /// A sign-up for an address that has an account changes nothing: the account's owner is told.
    async fn of_registration(&self, id: RegistrationId) -> Result<Option<Ready>, DeliverError> {
        let waiting = registrations::find(&self.platform.db, id, self.platform.clock.now()).await?;
        let Some(Ok(to)) = waiting.map(|waiting| waiting.email.parse::<Email>()) else {
            return Ok(None);
        };
        let existing = accounts::find_by_email(&self.platform.db, &to).await?;
        // Both ways cost a hash.
        let made = self.proofs.make_for_registration(id).await?;
        Ok(Some(match existing.map(|account| account.email.parse()) {
            Some(Ok(owner)) => Ready {
                purpose: Purpose::AlreadyRegistered,
                to: owner,
                made: None,
            },
            Some(Err(_)) => return Ok(None),
            None => Ready {
                purpose: Purpose::VerifyEmail,
                to,
                made: Some(made),
            },
        }))
    }

    async fn proven(&self, purpose: Purpose, asked: &Asked, to: Email) -> Result<Ready, DeliverError> {
        let made = Some(self.proofs.make(purpose, asked, &to).await?);
        Ok(Ready { purpose, to, made })
    }
}
