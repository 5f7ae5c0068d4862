//! Whole installations: `backup`, `restore`, `migrate-database`. All three read a database as one moment and go by its
//! catalogue, so that a table of tomorrow is taken along too.

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

/// A table that was written or read whole.
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

/// Tells a person how far it has come; a program that reads the output is told nothing.
struct Progress {
    shown: bool,
    /// At how many rows it is told next.
    next: u64,
}

impl Progress {
    /// How many rows go by between two words.
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

/// How many rows a table has.
fn rows(tables: &[Counted], name: &str) -> u64 {
    let counted = tables.iter().find(|counted| counted.table == name);
    counted.map_or(0, |counted| counted.rows)
}

/// What nobody may overlook: `what`, such as "backup", holds no account. Nothing where it holds some.
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
