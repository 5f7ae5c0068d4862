//! `countersign migrate-database`: moves an installation to another database. Users stay signed in.

use std::path::Path;

use countersign_store::{DatabaseKind, DatabaseOptions, Db, FileContents, Piece, Role, Schema, database_file};
use serde_json::json;

use super::target::{Target, refuse_used_file};
use super::{rows, summary, warning};
use crate::commands::Failure;
use crate::commands::cli::MigrateDatabase;
use crate::commands::failure::unreadable;
use crate::commands::output::Standard;
use crate::core::clock::Clock;
use crate::features::operations::audit::{self, Event, EventKind};
use crate::installation::{Access, look_at_file};
use crate::migrations;
use crate::settings::regular_file::{self, LONGEST_SECRET};

pub(in crate::commands) async fn move_database(
    asked: &MigrateDatabase,
    access: &Access,
    output: &mut Standard,
) -> Result<(), Failure> {
    let clock = Clock::system();
    let (from, to) = (url(&asked.from)?, url(&asked.to)?);
    // Different paths and links may refer to the same file.
    let is_same_file = matches!((database_file(&from), database_file(&to)), (Ok(from), Ok(to)) if from == to);
    if from == to || is_same_file {
        return Err(Failure::new("--from and --to are the same database"));
    }
    refuse_empty_file(&from)?;
    refuse_used_file(&to)?;
    let options = |url: &str, create: bool| DatabaseOptions {
        allow_unencrypted: asked.allow_unencrypted,
        create,
        ..DatabaseOptions::new(url, Role::Server)
    };
    // Opened as a server, which fails if one is running and prevents another from starting.
    let source = Db::open(&options(&from, false)).await?;
    match source.pending(migrations::known()).await? {
        Schema::Current => {}
        _ => {
            return Err(Failure::new(
                "the schema of the database to move is not up to date; run `countersign migrate` on it first",
            ));
        }
    }
    let schema = migrations::known().last().map_or(0, |newest| newest.version);
    let target = Db::open(&options(&to, true)).await?;
    let mut target = Target::begin(target, schema, &clock).await?;
    let mut pieces = source.read_whole();
    loop {
        match pieces.next().await? {
            Piece::Table(table) => target.table(table).await?,
            Piece::Rows(rows) => {
                for row in rows {
                    target.row(row).await?;
                }
            }
            Piece::End => break,
        }
    }
    let tables = target.verify(&clock).await?.to_vec();
    let caller = access.caller();
    let event = Event::new(EventKind::DatabaseMoved, None, &caller).detail(summary(&tables));
    audit::record_alone(&target.db, &clock, event).await?;
    target.db.finish_transfer().await?;
    let kept = match source.kind() {
        DatabaseKind::Sqlite => "the old file is unchanged",
        DatabaseKind::Postgres => "the old database is unchanged; make sure that no server uses it anymore",
    };
    target.db.close().await?;
    source.close().await?;
    let mut sentence = format!(
        "Moved {}, and verified the rows and checksums of all tables. Set `database_url` to the new database and start the \
         servers with the same keys folder. Note: {kept}, and later changes to it are not in the new one.",
        summary(&tables)
    );
    sentence.push_str(&warning(&tables, "database"));
    let accounts = rows(&tables, "accounts");
    let object = json!({ "accounts": accounts, "holds_no_accounts": accounts == 0, "tables": tables });
    Ok(output.done(&sentence, &object)?)
}

/// Rejects a file without Countersign data before it is opened: opening it as a server creates lock and log files next
/// to it.
fn refuse_empty_file(url: &str) -> Result<(), Failure> {
    let path = url.trim_start_matches("sqlite://");
    match look_at_file(url)? {
        FileContents::Nothing if Path::new(path).exists() => Err(Failure::new(format!(
            "{path} contains no tables; pass the database of an installation"
        ))),
        // A missing file is reported when it is opened.
        _ => Ok(()),
    }
}

/// Returns the URL, or the contents of the file after an `@`.
fn url(text: &str) -> Result<String, Failure> {
    let Some(path) = text.strip_prefix('@') else {
        return Ok(text.trim().to_owned());
    };
    let read = regular_file::read_text(path.as_ref(), LONGEST_SECRET);
    let wanted = "a file that contains the URL of a database";
    let read = read.map_err(|error| Failure::new(unreadable(Path::new(path), &error, wanted)))?;
    Ok(read.trim().to_owned())
}
