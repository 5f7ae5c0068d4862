//! `countersign backup`: writes a consistent snapshot of the database, even while a server is running.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use countersign_store::{Db, Piece, belongs_to_database, database_file};
use serde_json::json;
use tempfile::NamedTempFile;

use super::format::{Heading, Part, Reader, Writer};
use super::{Counted, Progress, rows, summary, warning};
use crate::commands::Failure;
use crate::commands::doctor::has_no_log;
use crate::commands::installation::{Installation, notice};
use crate::commands::output::Standard;
use crate::core::clock::Clock;
use crate::features::operations::audit::{self, Event, EventKind};
use crate::installation::{Access, Opening, open_database};
use crate::migrations;

pub(in crate::commands) async fn backup(file: &Path, at: &Installation, output: &mut Standard) -> Result<(), Failure> {
    let settings = &at.settings;
    // A dangling symbolic link also counts as an existing file.
    if file.symlink_metadata().is_ok() {
        return Err(Failure::new(format!(
            "{} already exists; choose another file",
            file.display()
        )));
    }
    if belongs_to_database(settings.database_url.expose(), file) {
        return Err(Failure::new(format!(
            "{} is used by the database itself; choose another file",
            file.display()
        )));
    }
    let clock = Clock::system();
    let db = open_database(settings, &at.access, &clock).await?;
    let schema = migrations::known().last().map_or(0, |newest| newest.version);
    let heading = Heading::new(schema, settings.issuer.as_str(), clock.now().to_string());
    let partial = partial_file_for(file)?;
    let tables = write(&db, Writer::new(partial.reopen()?, &heading)?).await?;
    if read_back(partial.path())? != tables {
        return Err(Failure::new("the backup does not match the database; check the disk"));
    }
    become_file(partial, file)?;
    let caller = at.access.caller();
    let event = Event::new(EventKind::DatabaseBackedUp, None, &caller).detail(summary(&tables));
    db.close().await?;
    // The backup is valid even if it cannot be recorded, as on a standby.
    if let Err(error) = record(event, at, &clock).await {
        let text = format!("the backup succeeded, but writing to the audit log failed: {error}");
        notice(output.is_json(), &text);
    }
    let mut sentence = format!(
        "Wrote {} to {} and verified the file. It does not contain the keys ({}): back that folder up too, \
         encrypted and in another place.",
        summary(&tables),
        file.display(),
        settings.keys_dir.display()
    );
    sentence.push_str(&warning(&tables, "backup"));
    let accounts = rows(&tables, "accounts");
    let object = json!({
        "file": file, "schema": schema, "accounts": accounts, "holds_no_accounts": accounts == 0, "tables": tables,
    });
    Ok(output.done(&sentence, &object)?)
}

/// Records the backup in the audit log. Reopens the database because it was opened read-only. Leaves an SQLite file
/// unchanged if another program has disabled its write-ahead log.
async fn record(event: Event<'_>, at: &Installation, clock: &Clock) -> Result<(), Failure> {
    if database_file(at.settings.database_url.expose()).is_ok_and(|path| has_no_log(&path)) {
        return Err(Failure::new(
            "another program has disabled the database's write-ahead log",
        ));
    }
    let to_write = Access {
        opening: Opening::Existing,
        ..at.access.clone()
    };
    let db = open_database(&at.settings, &to_write, clock).await?;
    let recorded = audit::record_alone(&db, clock, event).await;
    db.close().await?;
    Ok(recorded?)
}

async fn write(db: &Db, mut writer: Writer) -> Result<Vec<Counted>, Failure> {
    let mut pieces = db.read_whole();
    let mut tables: Vec<Counted> = Vec::new();
    let mut progress = Progress::new();
    let mut end = |writer: &mut Writer, tables: &[Counted]| {
        tables.last().map_or(Ok(()), |counted| {
            progress.done(counted);
            writer.end(counted)
        })
    };
    loop {
        match pieces.next().await? {
            Piece::Table(table) => {
                end(&mut writer, &tables)?;
                writer.table(&table)?;
                tables.push(Counted::of(&table));
            }
            Piece::Rows(rows) => {
                for row in &rows {
                    writer.row(row)?;
                    if let Some(counted) = tables.last_mut() {
                        counted.digest.add(row);
                        counted.rows += 1;
                    }
                }
            }
            Piece::End => {
                end(&mut writer, &tables)?;
                writer.finish(tables.len())?;
                return Ok(tables);
            }
        }
    }
}

/// Reads the whole file back and returns the row counts, if its checksums match.
pub(super) fn read_back(path: &Path) -> Result<Vec<Counted>, Failure> {
    let (mut reader, _) = Reader::open(path)?;
    let mut tables = Vec::new();
    while let Some(part) = reader.next()? {
        if let Part::End(counted) = part {
            tables.push(counted);
        }
    }
    Ok(tables)
}

/// Creates a partial file with a unique name in the folder of `file`, readable by its owner only because it contains
/// password hashes. It is removed if the command fails.
fn partial_file_for(file: &Path) -> Result<NamedTempFile, Failure> {
    let mut prefix = file
        .file_name()
        .ok_or_else(|| Failure::new("expected the name of a file"))?
        .to_owned();
    prefix.push(".");
    let partial = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".partial")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder_of(file));
    partial.map_err(|error| Failure::new(format!("cannot write {}: {error}", file.display())))
}

/// Renames the partial file to its final name. Never overwrites a file, even one created in the meantime.
fn become_file(partial: NamedTempFile, file: &Path) -> Result<(), Failure> {
    let named = partial.persist_noclobber(file);
    named.map_err(|error| Failure::new(format!("cannot create {}: {}", file.display(), error.error)))?;
    Ok(File::open(folder_of(file))?.sync_all()?)
}

fn folder_of(file: &Path) -> &Path {
    file.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
