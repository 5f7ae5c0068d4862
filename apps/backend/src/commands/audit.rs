//! `countersign audit`: lists, exports and verifies the audit log.

mod export;
mod verify;

use std::collections::HashMap;

use serde::Serialize;

use super::Failure;
use super::cli::{AuditCommand, ListAudit, ListKinds};
use super::failure::FailureCode;
use super::output::{Row, Standard};
use super::process::Process;
use super::users::account;
use crate::Services;
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::features::identity::accounts;
use crate::features::operations::audit::{self, Entry, Filter};
use crate::installation::Opening;

pub(super) fn run(command: AuditCommand, process: Process, output: &mut Standard) -> Result<(), Failure> {
    match command {
        AuditCommand::List(asked) => {
            process.administer(Opening::Reading, async |services| list(asked, services, output).await)
        }
        AuditCommand::Kinds(asked) => kinds(&asked, output),
        AuditCommand::Export(asked) => process.administer(Opening::Reading, async |services| {
            export::export(&asked, services, output).await
        }),
        AuditCommand::Verify(asked) => match &asked.export {
            // Verifying an export requires no installation.
            Some(export) => verify::verify_export(export, &asked, output),
            None => process.administer(Opening::Reading, async |services| {
                verify::verify(&asked, services, output).await
            }),
        },
    }
}

async fn list(asked: ListAudit, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let since = asked.since.unwrap_or(Timestamp(0));
    let until = asked.until.unwrap_or(Timestamp(i64::MAX));
    if until <= since {
        return Err(Failure::coded(FailureCode::Usage, "--until must be later than --since"));
    }
    let account = match asked.account {
        Some(text) => Some(match text.parse() {
            // An ID is accepted even if the account has been deleted.
            Ok(id) => AccountId(id),
            Err(_) => account(services, &text).await?.id,
        }),
        None => None,
    };
    let filter = Filter {
        account,
        kind: asked.kind,
        since,
        until,
        limit: asked.limit.into(),
    };
    let entries = services.audit.list(&filter).await?;
    let mut addresses: HashMap<AccountId, Option<String>> = HashMap::new();
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        let email = match entry.account_id {
            Some(id) => match addresses.get(&id) {
                Some(known) => known.clone(),
                None => {
                    let found = accounts::find(&services.db, id).await?.map(|account| account.email);
                    addresses.insert(id, found.clone());
                    found
                }
            },
            None => None,
        };
        rows.push(ShownEntry { entry, email });
    }
    Ok(output.rows(&rows)?)
}

/// `countersign audit kinds`.
fn kinds(asked: &ListKinds, output: &mut Standard) -> Result<(), Failure> {
    if asked.reference {
        return Ok(output.document(audit::reference().as_bytes())?);
    }
    let mut kinds: Vec<_> = audit::EventKind::ALL
        .iter()
        .map(|kind| KindOfEntry {
            kind: kind.name(),
            meaning: kind.meaning(),
        })
        .collect();
    kinds.sort_by_key(|kind| kind.kind);
    Ok(output.rows(&kinds)?)
}

/// A kind of entry.
#[derive(Serialize)]
struct KindOfEntry {
    kind: &'static str,
    meaning: &'static str,
}

impl Row for KindOfEntry {
    const COLUMNS: &'static [&'static str] = &["kind", "meaning"];

    fn cells(&self) -> Vec<String> {
        vec![self.kind.to_owned(), self.meaning.to_owned()]
    }
}

/// An entry with the email address of its account, if still known.
#[derive(Serialize)]
struct ShownEntry {
    #[serde(flatten)]
    entry: Entry,
    email: Option<String>,
}

impl Row for ShownEntry {
    const COLUMNS: &'static [&'static str] = &[
        "place", "at", "kind", "outcome", "actor", "account", "email", "address", "detail", "device",
    ];

    fn cells(&self) -> Vec<String> {
        let Self { entry, email } = self;
        vec![
            entry.seq.map(|seq| seq.to_string()).unwrap_or_default(),
            entry.at.to_string(),
            entry.kind.clone(),
            entry.outcome.clone(),
            entry.actor.clone(),
            entry.account_id.map(|account| account.to_string()).unwrap_or_default(),
            email.clone().unwrap_or_default(),
            entry.address.clone().unwrap_or_default(),
            entry.detail.clone().unwrap_or_default(),
            entry.user_agent.clone().unwrap_or_default(),
        ]
    }
}
