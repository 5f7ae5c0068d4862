//! The second half of an email's way, as a worker of `mail` takes it: it is claimed, and ends.

use std::time::Duration;

use countersign_store::StoreError;
use uuid::Uuid;

use super::super::new_mail::MailParams;
use super::super::purpose::Purpose;
use super::super::store::{self, MailRecord, Overdue};
use super::Outbox;
use crate::core::email::Email;
use crate::core::language::Language;
use crate::settings::LONGEST_MAIL_TIMEOUT;

/// How long an attempt is reserved for whoever began it.
const LEASE: Duration = Duration::from_secs(60);
// Else another worker would send the same email while the mail server still takes its time.
const _: () = assert!(LEASE.as_secs() > LONGEST_MAIL_TIMEOUT.as_secs());
/// How long after a failure it is tried again; twice as long after each further one, up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_secs(10);
const LONGEST_RETRY: Duration = Duration::from_secs(30 * 60);

/// A mail that is to be sent now, by whoever claimed it.
#[derive(Debug)]
pub struct ClaimedMail {
    /// Its id, the same at every attempt.
    pub id: Uuid,
    pub purpose: Purpose,
    pub to: Email,
    pub language: Language,
    pub params: MailParams,
    /// Which attempt this is, from 1.
    pub attempt: i64,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailOutcome {
    /// Somebody else has taken charge of it.
    Sent,
    /// There was nobody to write to: no account has the address.
    Dropped,
    /// It was of no use any more.
    Expired,
    /// The mail server refuses it for good.
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
    /// Takes the mail that is due the longest, for this caller alone until [`LEASE`] is over. Rows of a later version are
    /// left to it.
    pub async fn claim(&self) -> Result<Option<ClaimedMail>, StoreError> {
        let now = self.platform.clock.now();
        // A plain look first: most of the time nothing is queued, and nobody should wait for the writer because of it.
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
        Ok(Some(ClaimedMail {
            id: claimed.id,
            purpose,
            to,
            language,
            params: serde_json::from_str(&claimed.particulars).unwrap_or_default(),
            attempt: claimed.attempts,
        }))
    }

    /// It has ended. Of an account that is gone nothing is kept.
    ///
    /// # Errors
    /// Those of the database: then it will be tried again.
    pub async fn end(&self, mail: &ClaimedMail, outcome: MailOutcome, failure: Option<&str>) -> Result<(), StoreError> {
        if mail.purpose.leaves_no_row() && outcome != MailOutcome::Refused {
            return store::remove(&self.platform.db, mail.id).await;
        }
        store::end(
            &self.platform.db,
            mail.id,
            outcome.name(),
            self.platform.clock.now(),
            failure,
        )
        .await
    }

    /// It could not be sent now; it will be tried again.
    pub async fn postpone(&self, mail: &ClaimedMail, failure: &str) -> Result<(), StoreError> {
        let doublings = u32::try_from(mail.attempt - 1).unwrap_or(0).min(20);
        let pause = FIRST_RETRY.saturating_mul(1 << doublings).min(LONGEST_RETRY);
        store::postpone(&self.platform.db, mail.id, self.platform.clock.now() + pause, failure).await
    }

    /// How many mails should have left by now, and since when the oldest of them has been queued. `mail` measures it.
    pub async fn overdue(&self) -> Result<Overdue, StoreError> {
        store::overdue(&self.platform.db, self.platform.clock.now() - LEASE).await
    }

    /// The newest mails, newest first. The command line calls it.
    pub async fn list(&self, queued_only: bool, limit: i64) -> Result<Vec<MailRecord>, StoreError> {
        store::list(&self.platform.db, queued_only, limit).await
    }

    /// What was sent to an address lately, newest first. An export of somebody's data calls it.
    pub async fn list_for(&self, to: &Email) -> Result<Vec<MailRecord>, StoreError> {
        store::list_of(&self.platform.db, to.key()).await
    }

    /// Tries everything that is queued now, and what was refused once more. Says how many there are. The command line calls it.
    pub async fn retry(&self) -> Result<u64, StoreError> {
        store::retry(&self.platform.db, self.platform.clock.now()).await
    }
}
