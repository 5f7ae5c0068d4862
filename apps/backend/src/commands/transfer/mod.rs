//! Transfers whole installations: `backup`, `restore`, `migrate-database`. All three read the database in one snapshot
//! and take the tables from its catalog, so that future tables are included.

mod backup;
mod format;
mod moving;
mod restore;
mod target;

use std::io::{self, IsTerminal, Write};

use countersign_store::{Digest, Table};
use serde::Serialize;

pub(super) use self::backup::backup;
pub(super) use self::moving::move_database;
pub(super) use self::restore::restore;

/// A table that was completely written or read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Counted {
    table: String,
    rows: u64,
    #[serde(skip)]
    digest: Digest,
}

impl Counted {
    fn of(table: &Table) -> Self {
        Self {
            table: table.name.clone(),
            rows: 0,
            digest: Digest::default(),
        }
    }
}

/// Prints progress at a terminal; prints nothing for programs.
struct Progress {
    shown: bool,
    /// The number of rows at which progress is printed next.
    next: u64,
}

impl Progress {
    /// The number of rows between two messages.
    const STEP: u64 = 100_000;

    fn new() -> Self {
        Self {
            shown: io::stderr().is_terminal(),
            next: Self::STEP,
        }
    }

    fn at(&mut self, counted: &Counted) {
        if counted.rows >= self.next {
            self.next = counted.rows + Self::STEP;
            self.show(counted);
        }
    }

    fn done(&mut self, counted: &Counted) {
        self.next = Self::STEP;
        self.show(counted);
        if self.shown {
            let _ = writeln!(io::stderr());
        }
    }

    fn show(&self, counted: &Counted) {
        if self.shown {
            let _ = write!(io::stderr(), "\r{:<24} {:>10} rows", counted.table, counted.rows);
        }
    }
}

/// Returns the number of rows of a table.
fn rows(tables: &[Counted], name: &str) -> u64 {
    let counted = tables.iter().find(|counted| counted.table == name);
    counted.map_or(0, |counted| counted.rows)
}

/// Returns a warning if `what`, such as "backup", contains no accounts; otherwise an empty string.
fn warning(tables: &[Counted], what: &str) -> String {
    match rows(tables, "accounts") {
        0 => format!(
            " WARNING: this {what} contains 0 accounts. Unless there are none yet, it is the wrong database; \
             `countersign settings` shows the one in use."
        ),
        _ => String::new(),
    }
}

/// `1000 accounts, 2000 sessions and 17 other rows`.
fn summary(tables: &[Counted]) -> String {
    let all: u64 = tables.iter().map(|counted| counted.rows).sum();
    let (accounts, sessions) = (rows(tables, "accounts"), rows(tables, "sessions"));
    format!(
        "{accounts} accounts, {sessions} sessions and {} other rows",
        all - accounts - sessions
    )
}
