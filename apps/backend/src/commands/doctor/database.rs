//! Checks the database: connection, version, latency and schema.

use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use countersign_store::{DatabaseKind, Db, Examination, Lack, OpenError, Role, Schema, Shortfall, database_file};

use super::clocks::{CLOSE, compare_clocks};
use super::finding::Finding;
use crate::commands::installation::database_is_new;
use crate::core::clock::Clock;
use crate::features::operations::audit;
use crate::installation::{self, Access, Opening, database_options, place_of};
use crate::migrations;
use crate::settings::{CHECK_PATHS, Settings};

const DATABASE: &str = "database";
/// The latency above which reads are reported. Embedded reads take microseconds; reads over a network, a few
/// milliseconds.
const SLOW: Duration = Duration::from_millis(20);
/// The duration above which a disk sync is reported.
const SLOW_SYNC: Duration = Duration::from_millis(50);
const MEBIBYTE: u64 = 1 << 20;

/// Opens the database if it exists. Creates nothing.
pub(super) async fn open(settings: &Settings, findings: &mut Vec<Finding>) -> Option<Db> {
    if database_is_new(settings) {
        findings.push(Finding::unknown(
            DATABASE,
            format!("no database at {}", place_of(settings)),
            format!("{CHECK_PATHS}; the server creates the database when it first starts"),
        ));
        return None;
    }
    let url = settings.database_url.expose();
    if let Err(error) = installation::look_at_file(url) {
        findings.push(Finding::fail(DATABASE, error.to_string(), ""));
        return None;
    }
    let mut opening = Opening::Existing;
    if url.starts_with("sqlite://")
        && let Ok(path) = database_file(url)
        && path.exists()
    {
        look_at_file(&path, findings);
        // Opening it for writing would enable the write-ahead log again.
        if has_no_log(&path) {
            opening = Opening::Reading;
        }
    }
    let access = Access {
        role: Role::Admin,
        opening,
        operator: None,
    };
    match Db::open(&database_options(settings, &access)).await {
        Ok(db) => {
            let warnings = db.warnings().iter();
            findings.extend(warnings.map(|warning| Finding::warn(DATABASE, warning, "")));
            Some(db)
        }
        Err(error) => {
            let remedy = match &error {
                OpenError::Store(_) => {
                    "check that it is running, that `database_url` is correct, and that this user may connect; \
                     until then, tokens are still verified, and all other requests get 503"
                }
                OpenError::File { .. } => {
                    "check that `database_url` is correct and that this user may write to the \
                     file and its folder"
                }
                // Other errors already say what to do.
                _ => "",
            };
            findings.push(Finding::fail(DATABASE, error.to_string(), remedy));
            None
        }
    }
}

/// Runs the checks that need an open database.
pub(super) async fn check(db: &Db, settings: &Settings, clock: &Clock, findings: &mut Vec<Finding>) {
    match db.examine().await {
        Ok(examined) => report(&examined, settings, clock, findings),
        Err(error) => findings.push(Finding::fail(
            DATABASE,
            error.to_string(),
            "check the log of the database",
        )),
    }
    let schema = schema(db).await;
    if schema.is_ok() || db.kind() == DatabaseKind::Postgres {
        findings.extend(rights(db).await);
    }
    if schema.is_ok() {
        findings.extend(writing(db, settings).await);
    }
    findings.push(schema);
    // Entries cannot be from the future, so a newer one means that a clock is wrong.
    if let Ok(Some(newest)) = audit::newest(db).await {
        let (newest, now) = (newest.millis(), clock.now().millis());
        if newest > now + i64::try_from(CLOSE.as_millis()).unwrap_or(0) {
            findings.push(compare_clocks("the newest entry of the audit log", newest, now));
        }
    }
}

fn report(examined: &Examination, settings: &Settings, clock: &Clock, findings: &mut Vec<Finding>) {
    let trip = examined.round_trip;
    let found = format!(
        "version {}; a read takes {:.1} ms",
        examined.version,
        trip.as_secs_f64() * 1000.0
    );
    findings.push(if trip > SLOW {
        Finding::warn(
            DATABASE,
            found,
            "run the server close to its database, which most requests read",
        )
    } else {
        Finding::ok(DATABASE, found)
    });
    if let Some(now) = examined.now {
        findings.push(compare_clocks("the database's clock", now, clock.now().millis()));
    }
    if let Some((open, most)) = examined.connections {
        let ours = i64::try_from(settings.database.pool_size).unwrap_or(i64::MAX);
        let found = format!("{open} of {most} connections are in use; each node uses up to {ours} plus one");
        findings.push(if ours + 1 > most || open + ours / 2 > most {
            Finding::warn(
                DATABASE,
                found,
                "lower `database.pool_size`, raise `max_connections`, or use PgBouncer",
            )
        } else {
            Finding::ok(DATABASE, found)
        });
    }
}

/// Reports the privileges that a server requires and the database role lacks.
async fn rights(db: &Db) -> Vec<Finding> {
    let lacking = db.shortfalls(migrations::known()).await.unwrap_or_default();
    let has_none = |lacking: &Shortfall| lacking.lack == Lack::Table;
    // A missing schema is reported separately.
    let schema_is_missing = lacking.iter().filter(|lacking| has_none(lacking)).count() > 1;
    let lacking = lacking
        .iter()
        .filter(|lacking| !(schema_is_missing && has_none(lacking)));
    lacking.map(lack).collect()
}

fn lack(lacking: &Shortfall) -> Finding {
    let remedy = match &lacking.lack {
        Lack::Table => "restore it if it was renamed or dropped; until then, requests get 503".to_owned(),
        Lack::Rights(_) => format!("as its owner, run `{}`; until then, requests get 503", lacking.remedy),
        Lack::Policy | Lack::Condition => format!(
            "as its owner, run `{}`, or disable row-level security for it; until then, rows are missing or cannot \
             be written",
            lacking.remedy
        ),
    };
    match lacking.is_certain() {
        true => Finding::fail(DATABASE, lacking.to_string(), remedy),
        false => Finding::warn(DATABASE, lacking.to_string(), remedy),
    }
}

/// Checks that the database is writable.
async fn writing(db: &Db, settings: &Settings) -> Option<Finding> {
    // The database was opened read-only.
    if let Ok(path) = database_file(settings.database_url.expose())
        && has_no_log(&path)
    {
        return None;
    }
    let error = db.check_writable().await.err()?;
    let remedy = match db.kind() {
        DatabaseKind::Postgres => {
            "point `database_url` to the primary, where this role may write (with several hosts in the URL, add \
             `target_session_attrs=read-write`); until then, sign-ins get 503"
        }
        DatabaseKind::Sqlite => {
            "free disk space, or make the file writable by the server; until then, sign-ins get 503"
        }
    };
    Some(Finding::fail(
        DATABASE,
        format!("it does not accept writes: {error}"),
        remedy,
    ))
}

async fn schema(db: &Db) -> Finding {
    match db.is_unfinished().await {
        Ok(true) => {
            return Finding::fail(
                "schema",
                "a restore or move into this database was interrupted; it is incomplete",
                "empty it, and restore or move again",
            );
        }
        Err(error) => return Finding::fail("schema", error.to_string(), "check the log of the database"),
        Ok(false) => {}
    }
    match db.pending(migrations::known()).await {
        Ok(Schema::Current) => Finding::ok("schema", "it is up to date"),
        Ok(Schema::Absent) => Finding::fail(
            "schema",
            "the database has no schema: it is new, or not a Countersign database",
            "the server creates it when it first starts; check `database_url`",
        ),
        Ok(Schema::Behind(missing)) => Finding::fail(
            "schema",
            format!("it is {missing} migration(s) behind this version"),
            "run `countersign migrate`, or start the server, which does the same",
        ),
        Ok(Schema::Newer(_)) => Finding::fail(
            "schema",
            "it is newer than this version",
            "install the newer version; this one does not start with that schema",
        ),
        Err(error) => Finding::fail(
            "schema",
            error.to_string(),
            "the database was created by another program, or changed manually",
        ),
    }
}

/// Checks the SQLite file without opening it: journal mode, free disk space and disk speed.
fn look_at_file(path: &Path, findings: &mut Vec<Finding>) {
    if has_no_log(path) {
        findings.push(Finding::warn(
            DATABASE,
            "another program has disabled its write-ahead log",
            "the server enables it again when it starts; do not write to the file with other programs",
        ));
    }
    let log = std::fs::metadata(format!("{}-wal", path.display())).map_or(0, |log| log.len());
    if log > 512 * MEBIBYTE {
        findings.push(Finding::warn(
            DATABASE,
            format!("its write-ahead log has grown to {} MiB", log / MEBIBYTE),
            "close programs that keep a read transaction open, such as a backup tool or a database shell",
        ));
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    findings.extend([room(folder), sync(folder)].into_iter().flatten());
}

/// Reports whether the write-ahead log is disabled. Bytes 18 and 19 of the header are 2 if it is enabled (SQLite,
/// "Database File Format").
pub(in crate::commands) fn has_no_log(path: &Path) -> bool {
    let mut header = [0; 20];
    let is_read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    is_read.is_ok() && header[18..20] != [2, 2]
}

fn room(folder: &Path) -> Option<Finding> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize) / MEBIBYTE;
    let found = format!("the database's disk has {free} MiB free");
    let remedy = "free disk space; sign-ins fail when the disk is full";
    Some(match free {
        0..100 => Finding::fail("disk", found, remedy),
        100..1024 => Finding::warn("disk", found, remedy),
        _ => Finding::ok("disk", found),
    })
}

/// Measures the median of three syncs of a few bytes.
fn sync(folder: &Path) -> Option<Finding> {
    let mut file = tempfile(folder)?;
    let mut times = [Duration::ZERO; 3];
    for time in &mut times {
        let began = Instant::now();
        file.write_all(b"countersign doctor")
            .and_then(|()| file.sync_data())
            .ok()?;
        *time = began.elapsed();
    }
    times.sort_unstable();
    let found = format!(
        "syncing the database's disk takes {:.1} ms",
        times[1].as_secs_f64() * 1000.0
    );
    Some(if times[1] > SLOW_SYNC {
        Finding::warn("disk", found, "use a faster disk; every sign-in waits for a sync")
    } else {
        Finding::ok("disk", found)
    })
}

/// Creates an unlinked file, which disappears when closed.
fn tempfile(folder: &Path) -> Option<std::fs::File> {
    let name = folder.join(format!(".countersign-doctor-{}", std::process::id()));
    let file = std::fs::File::create_new(&name).ok()?;
    std::fs::remove_file(&name).ok()?;
    Some(file)
}
