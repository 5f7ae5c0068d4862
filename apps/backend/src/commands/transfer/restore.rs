//! `countersign restore`: a database from a backup. What was issued before the restore is refused, unless the operator
//! says otherwise: what was revoked after the backup is not in it, and would come back.

use countersign_store::{Db, Role};
use serde_json::json;

use super::backup::read_back;
use super::format::{Part, Reader};
use super::summary;
use super::target::Target;
use crate::commands::cli::Restore;
use crate::commands::{Failure, Standard};
use crate::context::database_options;
use crate::core::clock::Clock;
use crate::core::origin::Origin;
use crate::features::audit::{self, Actor, Event, Kind};
use crate::features::sessions;
use crate::migrations;
use crate::settings::Settings;

pub(in crate::commands) async fn restore(
    asked: &Restore,
    settings: &Settings,
    output: &mut Standard,
) -> Result<(), Failure> {
    let file = &asked.file;
    let (_, heading) = Reader::open(file)?;
    let newest = migrations::ALL.last().map_or(0, |newest| newest.version);
    if heading.schema > newest {
        return Err(Failure::new(format!(
            "{} was written by version {} with the schema {}, and this program knows schemas up to {newest}: restore it \
             with that version or a newer one",
            file.display(),
            heading.program,
            heading.schema
        )));
    }
    // All of it is read once before anything is written.
    read_back(file)?;
    let clock = Clock::system();
    // As a server, so that none starts on the file meanwhile.
    let db = Db::open(&database_options(settings, Role::Server)).await?;
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
    conclude(target.db, refuses, detail).await?;
    let mut sentence = format!(
        "Restored {} as of {}, and found them whole. What happened after that is lost, also changed passwords and \
         deleted accounts.",
        summary(&tables),
        heading.made_at
    );
    sentence.push_str(if refuses {
        " Every session has ended, and every token that was issued before is refused, here and by every verifier: \
         everybody signs in again."
    } else {
        " As you asked, sessions go on: what was revoked after the backup was made is valid again until it expires."
    });
    Ok(output.done(
        &sentence,
        &json!({ "made_at": heading.made_at, "tables": tables, "kept_sessions": !refuses }),
    )?)
}

/// The last steps before the mark is taken away.
async fn conclude(db: Db, refuses: bool, detail: String) -> Result<(), Failure> {
    let clock = Clock::system();
    let origin = Origin::command_line();
    let event = Event::of_nobody(Kind::DatabaseRestored, Actor::Operator, &origin).detail(detail);
    if refuses {
        sessions::end_everything(&db, clock.now(), event).await?;
    } else {
        audit::record_alone(&db, &clock, event).await?;
    }
    db.finish_transfer().await?;
    Ok(db.close().await?)
}
