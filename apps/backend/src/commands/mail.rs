//! `countersign mail`: shows the delivery status of emails.

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::Failure;
use super::cli::{ListMail, MailCommand};
use super::output::{Row, Standard};
use super::process::Process;
use crate::Services;
use crate::core::clock::Timestamp;
use crate::features::messaging::outbox;
use crate::installation::Opening;

pub(super) fn run(command: MailCommand, process: Process, output: &mut Standard) -> Result<(), Failure> {
    match command {
        MailCommand::List(asked) => {
            process.administer(Opening::Reading, async |services| list(&asked, services, output).await)
        }
        MailCommand::Retry => process.administer(Opening::Existing, async |services| retry(services, output).await),
    }
}

async fn list(asked: &ListMail, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let mails = services.outbox.list(asked.queued, asked.limit.into()).await?;
    let rows: Vec<_> = mails.into_iter().map(ListedMail::from).collect();
    Ok(output.rows(&rows)?)
}

async fn retry(services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let tried = services.outbox.retry().await?;
    let sentence = format!("Retrying {tried} emails; `countersign mail list` shows their outcome.");
    Ok(output.done(&sentence, &json!({ "emails": tried }))?)
}

/// An email as shown to the operator.
#[derive(Serialize)]
struct ListedMail {
    id: Uuid,
    purpose: String,
    recipient: String,
    created_at: Timestamp,
    attempts: i64,
    outcome: Option<String>,
    ended_at: Option<Timestamp>,
    next_attempt_at: Option<Timestamp>,
    failure: Option<String>,
}

impl From<outbox::MailRecord> for ListedMail {
    fn from(mail: outbox::MailRecord) -> Self {
        Self {
            id: mail.id,
            purpose: mail.purpose,
            recipient: mail.recipient,
            created_at: mail.created_at,
            attempts: mail.attempts,
            next_attempt_at: mail.ended_at.is_none().then_some(mail.due_at),
            outcome: mail.outcome,
            ended_at: mail.ended_at,
            failure: mail.failure,
        }
    }
}

impl Row for ListedMail {
    const COLUMNS: &'static [&'static str] = &[
        "created at",
        "purpose",
        "recipient",
        "attempts",
        "outcome",
        "ended at",
        "next attempt at",
        "failure",
    ];

    fn cells(&self) -> Vec<String> {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        vec![
            self.created_at.to_string(),
            self.purpose.clone(),
            self.recipient.clone(),
            self.attempts.to_string(),
            self.outcome.clone().unwrap_or_else(|| "queued".to_owned()),
            time(self.ended_at),
            time(self.next_attempt_at),
            self.failure.clone().unwrap_or_default(),
        ]
    }
}
