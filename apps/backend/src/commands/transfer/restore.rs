//! `countersign restore`: restores a database from a backup. By default, everything issued before the restore is
//! rejected, because revocations made after the backup are lost and would be undone.

use countersign_store::{Db, Role};
use serde_json::json;

use super::backup::read_back;
use super::format::{Part, Reader};
use super::target::{Target, refuse_used_file};
use super::{rows, summary, warning};
use crate::commands::Failure;
use crate::commands::cli::Restore;
use crate::commands::installation::Installation;
use crate::commands::output::Standard;
use crate::core::clock::Clock;
use crate::features::oauth::{authorization, device_authorization};
use crate::features::operations::audit::{self, Event, EventKind};
use crate::features::sign_in::sessions;
use crate::installation::{Access, database_options};
use crate::migrations;

pub(in crate::commands) async fn restore(
    asked: &Restore,
    at: &Installation,
    output: &mut Standard,
) -> Result<(), Failure> {
    let file = &asked.file;
    let (_, heading) = Reader::open(file)?;
    let newest = migrations::known().last().map_or(0, |newest| newest.version);
    if heading.schema > newest {
        return Err(Failure::new(format!(
            "{} was written by Countersign {} and has schema {}, but this version only supports schemas up to \
             {newest}; restore it with the version that wrote it, or a newer one",
            file.display(),
            heading.program,
            heading.schema
        )));
    }
    // Verify the whole file before anything is written.
    read_back(file)?;
    refuse_used_file(at.settings.database_url.expose())?;
    let clock = Clock::system();
    // Opened as a server, so that no other can start in the meantime.
    let as_server = Access {
        role: Role::Server,
        ..at.access.clone()
    };
    let db = Db::open(&database_options(&at.settings, &as_server)).await?;
    let mut target = Target::begin(db, heading.schema, &clock).await?;
    let (mut reader, _) = Reader::open(file)?;
    while let Some(part) = reader.next()? {
        match part {
            Part::Table(table) => target.table(table).await?,
            Part::Row(row) => target.row(row).await?,
            Part::End(_) => {}
        }
    }
    let tables = target.verify(&clock).await?.to_vec();
    let refuses = !asked.keep_sessions;
    let detail = format!("of {}: {}", heading.made_at, summary(&tables));
    let caller = at.access.caller();
    let event = Event::new(EventKind::DatabaseRestored, None, &caller).detail(detail);
    conclude(target.db, refuses, event).await?;
    let mut sentence = format!(
        "Restored and verified {} as of {}. Later changes are lost, including changed passwords and deleted accounts.",
        summary(&tables),
        heading.made_at
    );
    sentence.push_str(if refuses {
        " All sessions were revoked, and all tokens issued before are rejected: users have to sign in again."
    } else {
        " Sessions were kept: those revoked after the backup are valid again until they expire."
    });
    sentence.push_str(&warning(&tables, "backup"));
    let accounts = rows(&tables, "accounts");
    let object = json!({
        "made_at": heading.made_at, "accounts": accounts, "holds_no_accounts": accounts == 0, "tables": tables,
        "kept_sessions": !refuses,
    });
    Ok(output.done(&sentence, &object)?)
}

/// Completes the restore before the marker is removed.
async fn conclude(db: Db, refuses: bool, event: Event<'_>) -> Result<(), Failure> {
    let clock = Clock::system();
    if refuses {
        authorization::void_all(&db).await?;
        device_authorization::void_all(&db).await?;
        sessions::end_everything(&db, clock.now(), event).await?;
    } else {
        audit::record_alone(&db, &clock, event).await?;
    }
    db.finish_transfer().await?;
    Ok(db.close().await?)
}
