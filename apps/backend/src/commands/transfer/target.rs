//! The target database of a restore or a move: empty at first, marked as incomplete during writing, and verified at the
//! end.

use std::collections::HashMap;

use countersign_store::{Db, Digest, FileContents, Migration, Piece, Table, Value};

use super::{Counted, Progress};
use crate::commands::Failure;
use crate::core::clock::Clock;
use crate::installation::look_at_file;
use crate::migrations;

/// The number of rows written at a time.
const BATCH: usize = 2_000;

/// The target database.
pub(super) struct Target {
    pub(super) db: Db,
    tables: HashMap<String, Table>,
    current: Option<(Table, Counted, Vec<Vec<Value>>)>,
    written: Vec<Counted>,
    progress: Progress,
}

/// Rejects a file that already contains data, before it is opened.
pub(super) fn refuse_used_file(url: &str) -> Result<(), Failure> {
    match look_at_file(url)? {
        FileContents::Ours if url.starts_with("sqlite:") => Err(Failure::new(NOT_EMPTY)),
        _ => Ok(()),
    }
}

const NOT_EMPTY: &str = "the target database is not empty; use an empty one, or a file that does not exist yet";

impl Target {
    /// Creates the schema as of migration `schema`.
    pub(super) async fn begin(db: Db, schema: i64, clock: &Clock) -> Result<Self, Failure> {
        if !db.is_blank().await? {
            return Err(Failure::new(NOT_EMPTY));
        }
        db.begin_transfer().await?;
        let known: Vec<Migration> = migrations::known()
            .iter()
            .copied()
            .filter(|known| known.version <= schema)
            .collect();
        db.migrate(&known, clock.now().millis()).await?;
        let tables = db.tables().await?;
        // Rows inserted by the migrations are also in the source.
        for table in tables.iter().rev() {
            db.clear(table).await?;
        }
        Ok(Self {
            db,
            tables: tables.into_iter().map(|table| (table.name.clone(), table)).collect(),
            current: None,
            written: Vec::new(),
            progress: Progress::new(),
        })
    }

    /// Starts a table; its rows follow.
    pub(super) async fn table(&mut self, table: Table) -> Result<(), Failure> {
        self.flush().await?;
        self.end_table();
        let known = self.tables.get(&table.name);
        let sorted = |table: &Table| {
            let mut columns: Vec<_> = table
                .columns
                .iter()
                .map(|column| (column.name.clone(), column.kind.name()))
                .collect();
            columns.sort();
            columns
        };
        if known.is_none_or(|known| sorted(known) != sorted(&table)) {
            return Err(Failure::new(format!(
                "the table {} differs from the schema of this version",
                table.name
            )));
        }
        let counted = Counted::of(&table);
        self.current = Some((table, counted, Vec::with_capacity(BATCH)));
        Ok(())
    }

    /// Adds a row to the current table.
    pub(super) async fn row(&mut self, row: Vec<Value>) -> Result<(), Failure> {
        let Some((_, counted, rows)) = &mut self.current else {
            return Ok(());
        };
        counted.digest.add(&row);
        counted.rows += 1;
        rows.push(row);
        if rows.len() == BATCH {
            self.flush().await?;
        }
        Ok(())
    }

    /// Compares the written data with the source and applies missing migrations. The marker stays.
    pub(super) async fn verify(&mut self, clock: &Clock) -> Result<&[Counted], Failure> {
        self.flush().await?;
        self.end_table();
        let mut found: HashMap<String, (Table, Digest)> = HashMap::new();
        let mut current = None;
        let mut pieces = self.db.read_whole();
        loop {
            match pieces.next().await? {
                Piece::Table(table) => {
                    current = Some(table.name.clone());
                    found.insert(table.name.clone(), (table, Digest::default()));
                }
                Piece::Rows(rows) => {
                    let Some((_, digest)) = current.as_ref().and_then(|name| found.get_mut(name)) else {
                        continue;
                    };
                    rows.iter().for_each(|row| digest.add(row));
                }
                Piece::End => break,
            }
        }
        for counted in &self.written {
            let same = found
                .get(&counted.table)
                .is_some_and(|(_, digest)| *digest == counted.digest);
            if !same {
                return Err(Failure::new(format!(
                    "verification of the table {} failed; do not use this database",
                    counted.table
                )));
            }
        }
        self.db.migrate(migrations::known(), clock.now().millis()).await?;
        Ok(&self.written)
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        if let Some((table, counted, rows)) = &mut self.current {
            if !rows.is_empty() {
                self.db.write_rows(table, rows).await?;
                rows.clear();
            }
            self.progress.at(counted);
        }
        Ok(())
    }

    fn end_table(&mut self) {
        if let Some((_, counted, _)) = self.current.take() {
            self.progress.done(&counted);
            self.written.push(counted);
        }
    }
}
