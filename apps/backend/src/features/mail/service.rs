//! Sending what the outbox owes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_store::Error;

use super::compose::compose;
use crate::Context;
use crate::core::mailer::SendError;
use crate::features::accounts::{self, Account};
use crate::features::guesses;
use crate::features::outbox::{self, Due, Outcome, Purpose};
use crate::features::proofs::{self, Made, ProofError};

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
/// How often what has ended is removed, and how many rows go in one statement.
const TIDY_EVERY: Duration = Duration::from_secs(60);
const BATCH: i64 = 500;

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
    Store(#[from] Error),
}

/// Delivers until the process ends.
pub async fn deliver_forever(context: Context) {
    let outage = Outage::default();
    let lanes = (0..LANES).map(|_| lane(context.clone(), &outage));
    tokio::join!(futures_util::future::join_all(lanes), tidy_forever(context.clone()));
}

async fn lane(context: Context, outage: &Outage) {
    loop {
        match deliver_next(&context).await {
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

async fn tidy_forever(context: Context) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        if let Err(error) = tidy(&context).await {
            tracing::warn!(%error, "old mails could not be removed from the database; trying again");
        }
        if let Err(error) = measure(&context).await {
            tracing::warn!(%error, "owed mails could not be counted; trying again");
        }
    }
}

/// Counts what should have left, for the metrics.
///
/// # Errors
/// Those of the database.
pub async fn measure(context: &Context) -> Result<(), Error> {
    let overdue = outbox::overdue(context).await?;
    let age = overdue
        .since
        .map_or(0, |since| context.clock.now().millis() - since.millis());
    context
        .metrics
        .mails_overdue(overdue.count, Duration::from_millis(u64::try_from(age).unwrap_or(0)));
    Ok(())
}

/// Removes mails and proofs that ended long ago.
///
/// # Errors
/// Those of the database.
pub async fn tidy(context: &Context) -> Result<(), Error> {
    let now = context.clock.now();
    while outbox::remove_ended(&context.db, now - REMEMBERED, BATCH).await? > 0 {}
    while proofs::remove_ended(&context.db, now - PROOFS_REMEMBERED, BATCH).await? > 0 {}
    while guesses::remove_ended(&context.db, now, BATCH).await? > 0 {}
    Ok(())
}

/// Sends the mail that is due the longest, or ends it otherwise. Says whether there was one.
///
/// # Errors
/// [`DeliverError`]: the mail stays owed.
pub async fn deliver_next(context: &Context) -> Result<bool, DeliverError> {
    let Some(due) = outbox::claim(context).await? else {
        return Ok(false);
    };
    let made = match prove(context, &due).await {
        Ok(Subject::Proof(made)) => Some(made),
        Ok(Subject::Told) => None,
        Ok(Subject::Nobody) | Err(DeliverError::Proof(ProofError::Invalid)) => {
            outbox::end(context, &due, Outcome::Dropped, None).await?;
            context.metrics.mail(Outcome::Dropped.name());
            return Ok(true);
        }
        Err(error) => return Err(error),
    };
    let mail = compose(context, &due, made.as_ref())?;
    match context.mailer.send(&mail).await {
        Ok(()) => {
            outbox::end(context, &due, Outcome::Sent, None).await?;
            context.metrics.mail(Outcome::Sent.name());
        }
        Err(SendError::NotNow(why)) => {
            tracing::warn!(mail = %due.id, purpose = due.purpose.name(), attempt = due.attempt, why, "a mail did not leave; trying again");
            outbox::postpone(context, &due, &why).await?;
            context.metrics.mail("postponed");
        }
        Err(SendError::Ours(why)) => {
            tracing::error!(mail = %due.id, purpose = due.purpose.name(), attempt = due.attempt, why, "mails do not leave; trying again");
            outbox::postpone(context, &due, &why).await?;
            context.metrics.mail("failed");
        }
        Err(SendError::Never(why)) => {
            tracing::warn!(mail = %due.id, purpose = due.purpose.name(), why, "a mail is refused for good");
            outbox::end(context, &due, Outcome::Refused, Some(&why)).await?;
            context.metrics.mail(Outcome::Refused.name());
        }
    }
    Ok(true)
}

/// Whom a mail is about.
enum Subject {
    /// Somebody who may prove something with it.
    Proof(Made),
    /// Somebody who is told something.
    Told,
    /// There is no such account, or nothing to prove.
    Nobody,
}

async fn prove(context: &Context, due: &Due) -> Result<Subject, DeliverError> {
    let at_address = accounts::find_by_email(&context.db, &due.to).await?;
    let account = match (due.purpose, at_address) {
        (Purpose::VerifyEmail, Some(account)) if account.email_verified_at.is_none() => account,
        (Purpose::ResetPassword | Purpose::SignIn | Purpose::Invitation, Some(account)) => account,
        (Purpose::ChangeEmail, None) => match asking(context, due).await? {
            Some(account) => account,
            None => return Ok(Subject::Nobody),
        },
        (Purpose::AlreadyRegistered | Purpose::NewSignIn | Purpose::PasswordChanged | Purpose::EmailChanged, _) => {
            return Ok(Subject::Told);
        }
        _ => return Ok(Subject::Nobody),
    };
    Ok(Subject::Proof(
        proofs::make(context, due.purpose, account.id, &due.to).await?,
    ))
}

/// The account that asked for an address which is nobody's.
async fn asking(context: &Context, due: &Due) -> Result<Option<Account>, Error> {
    match due.particulars.account {
        Some(id) => accounts::find(&context.db, id).await,
        None => Ok(None),
    }
}
