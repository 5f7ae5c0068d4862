//! `countersign audit export`: writes the log as JSON Lines.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;

use countersign_store::belongs_to_database;
use serde::{Deserialize, Serialize};

use crate::Services;
use crate::commands::Failure;
use crate::commands::cli::ExportAudit;
use crate::commands::output::Standard;
use crate::core::clock::Timestamp;
use crate::core::ids::{AuditId, SessionId};
use crate::features::operations::audit::chain::SealedRow;
use crate::features::operations::audit::{Entry, Piece};

/// The format named in the first line of an export.
pub(super) const FORMAT: &str = "countersign-audit-1";

/// A line of an export.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line<Loose> {
    /// The first line.
    Log {
        format: String,
        issuer: String,
        exported_at: String,
    },
    /// The checkpoint after which the exported log begins.
    Base(String),
    Row(Box<SealedRow>),
    Checkpoint {
        seq: i64,
        token: String,
    },
    /// An entry that is not sealed yet.
    Unsealed(Box<Loose>),
}

/// An entry that is not sealed yet, without its account. Like a sealed row, but without its place in the log and the
/// hashes.
#[derive(Serialize)]
pub(super) struct Unsealed {
    id: AuditId,
    at: Timestamp,
    kind: String,
    outcome: String,
    actor: String,
    session_id: Option<SessionId>,
    address: Option<String>,
    user_agent: Option<String>,
    request_id: String,
    detail: Option<String>,
}

impl From<Entry> for Unsealed {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
            kind: entry.kind,
            outcome: entry.outcome,
            actor: entry.actor,
            session_id: entry.session_id,
            address: entry.address,
            user_agent: entry.user_agent,
            request_id: entry.request_id,
            detail: entry.detail,
        }
    }
}

pub(super) async fn export(asked: &ExportAudit, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    if asked.file.as_os_str() == "-" {
        write_export(services, &mut BufWriter::new(io::stdout())).await?;
        return Ok(());
    }
    let name = asked.file.display();
    if belongs_to_database(services.settings.database_url.expose(), &asked.file) {
        return Err(Failure::new(format!(
            "{name} is used by the database itself; choose another file"
        )));
    }
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&asked.file);
    let file = file.map_err(|error| Failure::new(format!("cannot create {name}: {error}")))?;
    let mut writer = BufWriter::new(file);
    let counts = write_export(services, &mut writer).await?;
    let file = writer.into_inner().map_err(|error| Failure::new(error.to_string()))?;
    file.sync_all()?;
    let sentence = format!(
        "Wrote {} sealed entries, {} unsealed entries and {} checkpoints to {name}. It contains pseudonyms only; the accounts they belong to are recorded only in the database.",
        counts.rows, counts.unsealed, counts.checkpoints
    );
    Ok(output.done(&sentence, &counts)?)
}

#[derive(Default, Serialize)]
struct Counts {
    rows: u64,
    unsealed: u64,
    checkpoints: u64,
}

async fn write_export(services: &Services, to: &mut impl Write) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    let mut write = |line: &Line<Unsealed>| -> Result<(), Failure> {
        serde_json::to_writer(&mut *to, line).map_err(Failure::new)?;
        Ok(to.write_all(b"\n")?)
    };
    write(&Line::Log {
        format: FORMAT.to_owned(),
        issuer: services.settings.issuer.as_str().to_owned(),
        exported_at: services.clock.now().to_string(),
    })?;
    services
        .audit
        .read(|piece| {
            let (count, line) = match piece {
                Piece::Base(token) => (&mut counts.checkpoints, Line::Base(token)),
                Piece::Row(row) => (&mut counts.rows, Line::Row(row.into())),
                Piece::Checkpoint { seq, token } => (&mut counts.checkpoints, Line::Checkpoint { seq, token }),
                Piece::Unsealed(entry) => (&mut counts.unsealed, Line::Unsealed(Box::new(entry.into()))),
            };
            *count += 1;
            write(&line)
        })
        .await?;
    to.flush()?;
    Ok(counts)
}
