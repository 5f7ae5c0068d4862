//! `countersign backup`: the database as it is at one moment, while a server goes on.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use countersign_store::{Db, Piece, Role};
use serde_json::json;

use super::format::{Heading, Part, Reader, Writer};
use super::{Counted, Progress, summary};
use crate::commands::{Failure, Standard};
use crate::context::open_database;
use crate::core::clock::Clock;
use crate::core::origin::Origin;
use crate::features::audit::{self, Actor, Event, Kind};
use crate::migrations;
use crate::settings::Settings;

pub(in crate::commands) async fn backup(
    file: &Path,
    settings: &Settings,
    output: &mut Standard,
) -> Result<(), Failure> {
    if file.exists() {
        return Err(Failure::new(format!(
            "{} exists; a backup overwrites nothing",
            file.display()
        )));
    }
    let clock = Clock::system();
    let db = open_database(settings, Role::Admin, &clock).await?;
    let schema = migrations::ALL.last().map_or(0, |newest| newest.version);
    let heading = Heading::new(schema, settings.issuer.as_str(), clock.now().to_string());
    let partial = Partial::beside(file)?;
    let tables = write(&db, Writer::new(partial.create()?, &heading)?).await?;
    if read_back(&partial.0)? != tables {
        return Err(Failure::new(
            "the file that was written does not hold what was read; is the disk sound?",
        ));
    }
    partial.become_file(file)?;
    let origin = Origin::command_line();
    let event = Event::of_nobody(Kind::DatabaseBackedUp, Actor::Operator, &origin).detail(summary(&tables));
    audit::record_alone(&db, &clock, event).await?;
    let sentence = format!(
        "Wrote {} to {}, read it again, and found it whole. The signing keys ({}) are not in it: keep a copy of that \
         folder too, encrypted and elsewhere.",
        summary(&tables),
        file.display(),
        settings.keys_dir.display()
    );
    Ok(output.done(&sentence, &json!({ "file": file, "schema": schema, "tables": tables }))?)
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

/// Everything that a file holds, if it adds up.
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

/// A file that is still being written. It goes when the command fails.
struct Partial(PathBuf);

impl Partial {
    fn beside(file: &Path) -> Result<Self, Failure> {
        let mut name = file.file_name().ok_or_else(|| Failure::new("name a file"))?.to_owned();
        name.push(".partial");
        Ok(Self(file.with_file_name(name)))
    }

    /// For its owner alone: it holds password hashes.
    fn create(&self) -> Result<File, Failure> {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.0);
        file.map_err(|error| Failure::new(format!("{} cannot be written: {error}", self.0.display())))
    }

    /// Unlike a rename, a link overwrites nothing.
    fn become_file(self, file: &Path) -> Result<(), Failure> {
        let linked = std::fs::hard_link(&self.0, file);
        linked.map_err(|error| Failure::new(format!("{} cannot be made: {error}", file.display())))?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        Ok(File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
