//! Claiming and ending emails, for the workers of `mail`.

use std::time::Duration;

use countersign_store::StoreError;
use uuid::Uuid;

use super::super::new_mail::MailParams;
use super::super::purpose::{Purpose, Recipient};
use super::super::store::{self, MailRecord, Overdue};
use super::Outbox;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::language::Language;
use crate::settings::LONGEST_MAIL_TIMEOUT;

/// How long a claimed email is reserved for its worker.
const LEASE: Duration = Duration::from_secs(60);
// Otherwise another worker could send the same email while the mail server is still processing it.
const _: () = assert!(LEASE.as_secs() > LONGEST_MAIL_TIMEOUT.as_secs());
/// The delay before the first retry. It doubles with each further failure, up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_secs(10);
const LONGEST_RETRY: Duration = Duration::from_secs(30 * 60);

/// An email claimed for sending.
#[derive(Debug)]
pub struct ClaimedMail {
    /// Its id, the same for every attempt.
    pub id: Uuid,
    pub purpose: Purpose,
    pub to: Email,
    pub language: Language,
    pub params: MailParams,
    /// The number of the attempt, starting at 1.
    pub attempt: i64,
}

/// The outcome of an email.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailOutcome {
    /// The mail server accepted it.
    Sent,
    /// It had no recipient: the account does not exist, or its state has changed.
    Dropped,
    /// It was no longer useful.
    Expired,
    /// The mail server rejected it permanently.
    Refused,
}

impl MailOutcome {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Dropped => "dropped",
            Self::Expired => "expired",
            Self::Refused => "refused",
        }
    }
}

impl Outbox {
    /// Claims the email that has been due the longest, exclusively for [`LEASE`]. Rows of a newer version are skipped.
    pub async fn claim(&self) -> Result<Option<ClaimedMail>, StoreError> {
        let now = self.platform.clock.now();
        // Reads first: usually nothing is queued, and a read does not block writers.
        if !store::is_due(&self.platform.db, now).await? {
            return Ok(None);
        }
        store::expire(&self.platform.db, now).await?;
        let Some(claimed) = store::claim(&self.platform.db, now, now + LEASE).await? else {
            return Ok(None);
        };
        let known = (
            Purpose::of_name(&claimed.purpose),
            claimed.recipient.parse(),
            claimed.language.parse(),
        );
        let (Some(purpose), Ok(to), Ok(language)) = known else {
            tracing::warn!(
                purpose = claimed.purpose,
                "skipping an email that was queued by a newer version"
            );
            return Ok(None);
        };
        let params: MailParams = serde_json::from_str(&claimed.particulars).unwrap_or_default();
        Ok(Some(ClaimedMail {
            id: claimed.id,
            purpose,
            to,
            language,
            params: MailParams {
                account: params.account.or(claimed.account_id),
                ..params
            },
            attempt: claimed.attempts,
        }))
    }

    /// Records the outcome.
    ///
    /// # Errors
    /// If the database failed; then the email will be tried again.
    pub async fn end(&self, mail: &ClaimedMail, outcome: MailOutcome, failure: Option<&str>) -> Result<(), StoreError> {
        let ending = &store::Ending {
            id: mail.id,
            outcome: outcome.name(),
            ended_at: self.platform.clock.now(),
            failure,
            account: mail.params.about(),
        };
        store::end(&self.platform.db, ending).await
    }

    /// Removes an email about a deleted account.
    ///
    /// # Errors
    /// As for [`end`](Self::end).
    pub async fn remove(&self, mail: &ClaimedMail) -> Result<(), StoreError> {
        store::remove(&self.platform.db, mail.id).await
    }

    /// Returns whether its account has requested another email address since, so that this email must not change it any
    /// more.
    pub async fn is_superseded(&self, mail: &ClaimedMail) -> Result<bool, StoreError> {
        match (mail.purpose.recipient(), mail.params.about()) {
            (Some(Recipient::NewAddress), Some(account)) => {
                store::is_superseded(&self.platform.db, mail.id, mail.purpose.name(), account).await
            }
            _ => Ok(false),
        }
    }

    /// Schedules another attempt after a failure.
    pub async fn postpone(&self, mail: &ClaimedMail, failure: &str) -> Result<(), StoreError> {
        let doublings = u32::try_from(mail.attempt - 1).unwrap_or(0).min(20);
        let pause = FIRST_RETRY.saturating_mul(1 << doublings).min(LONGEST_RETRY);
        store::postpone(&self.platform.db, mail.id, self.platform.clock.now() + pause, failure).await
    }

    /// Returns how many emails are overdue, and since when the oldest has been queued. `mail` exports it as a metric.
    pub async fn overdue(&self) -> Result<Overdue, StoreError> {
        store::overdue(&self.platform.db, self.platform.clock.now() - LEASE).await
    }

    /// Returns the most recent emails, newest first. The command line calls it.
    pub async fn list(&self, queued_only: bool, limit: i64) -> Result<Vec<MailRecord>, StoreError> {
        store::list(&self.platform.db, queued_only, limit).await
    }

    /// Returns recent emails about an account, newest first. Data exports call it.
    pub async fn list_for(&self, account: AccountId) -> Result<Vec<MailRecord>, StoreError> {
        store::list_of(&self.platform.db, account).await
    }

    /// Makes all queued and permanently rejected emails due now, unless they have expired. Returns their number. The
    /// command line calls it.
    pub async fn retry(&self) -> Result<u64, StoreError> {
        store::retry(&self.platform.db, self.platform.clock.now()).await
    }
}
