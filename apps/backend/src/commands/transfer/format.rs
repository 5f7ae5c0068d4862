//! The backup format: gzipped JSON Lines. A heading, then each table with its rows, followed by its row count and
//! checksum; a file without the end marker is not a valid backup.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use countersign_store::{ColumnKind, Digest, Table, TableColumn, Value};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Counted;
use crate::commands::Failure;
use crate::commands::failure::unreadable;

/// The format named in the first line.
const FORMAT: &str = "countersign-backup-1";

/// The heading of a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Heading {
    format: String,
    /// The version of the program that wrote it.
    pub(super) program: String,
    /// The newest migration of the database.
    pub(super) schema: i64,
    pub(super) issuer: String,
    pub(super) made_at: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Backup(Heading),
    Table {
        name: String,
        columns: Vec<(String, String)>,
    },
    Row(Vec<Json>),
    End {
        table: String,
        rows: u64,
        sum: String,
    },
    Complete {
        tables: usize,
    },
}

impl Heading {
    pub(super) fn new(schema: i64, issuer: &str, made_at: String) -> Self {
        Self {
            format: FORMAT.to_owned(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            schema,
            issuer: issuer.to_owned(),
            made_at,
        }
    }
}

/// Writes a backup.
pub(super) struct Writer(GzEncoder<BufWriter<File>>);

impl Writer {
    pub(super) fn new(file: File, heading: &Heading) -> Result<Self, Failure> {
        let mut writer = Self(GzEncoder::new(BufWriter::new(file), Compression::fast()));
        writer.line(&Line::Backup(heading.clone()))?;
        Ok(writer)
    }

    pub(super) fn table(&mut self, table: &Table) -> Result<(), Failure> {
        let columns = table.columns.iter();
        self.line(&Line::Table {
            name: table.name.clone(),
            columns: columns
                .map(|column| (column.name.clone(), column.kind.name().to_owned()))
                .collect(),
        })
    }

    pub(super) fn row(&mut self, row: &[Value]) -> Result<(), Failure> {
        self.line(&Line::Row(row.iter().map(to_json).collect()))
    }

    pub(super) fn end(&mut self, counted: &Counted) -> Result<(), Failure> {
        self.line(&Line::End {
            table: counted.table.clone(),
            rows: counted.rows,
            sum: counted.digest.sum(),
        })
    }

    /// Writes the end marker and syncs the file to disk.
    pub(super) fn finish(mut self, tables: usize) -> Result<(), Failure> {
        self.line(&Line::Complete { tables })?;
        let file = self.0.finish()?.into_inner().map_err(Failure::new)?;
        Ok(file.sync_all()?)
    }

    fn line(&mut self, line: &Line) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.0, line).map_err(Failure::new)?;
        Ok(self.0.write_all(b"\n")?)
    }
}

/// A piece of a backup.
pub(super) enum Part {
    Table(Table),
    Row(Vec<Value>),
    /// The table is complete and its checksum matches.
    End(Counted),
}

/// Reads a backup and verifies its checksums.
pub(super) struct Reader {
    path: PathBuf,
    lines: BufReader<GzDecoder<BufReader<File>>>,
    number: u64,
    text: String,
    table: Option<(Table, Digest)>,
    tables: usize,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<(Self, Heading), Failure> {
        let file = File::open(path);
        let file =
            file.map_err(|error| Failure::new(unreadable(path, &error, "a file written by `countersign backup`")))?;
        let mut reader = Self {
            path: path.to_owned(),
            lines: BufReader::with_capacity(256 << 10, GzDecoder::new(BufReader::new(file))),
            number: 0,
            text: String::new(),
            table: None,
            tables: 0,
        };
        match reader.line() {
            Ok(Line::Backup(heading)) if heading.format == FORMAT => Ok((reader, heading)),
            _ => Err(Failure::new(format!(
                "{} is not a Countersign backup, or is damaged",
                path.display()
            ))),
        }
    }

    /// Returns the next part, or `None` after the end marker.
    pub(super) fn next(&mut self) -> Result<Option<Part>, Failure> {
        match (self.line()?, &mut self.table) {
            (Line::Table { name, columns }, None) => {
                let columns = columns
                    .into_iter()
                    .map(|(name, kind)| kind_of(&kind).map(|kind| TableColumn { name, kind }));
                let columns = columns.collect::<Option<Vec<_>>>().ok_or_else(|| self.damaged())?;
                let table = Table { name, columns };
                self.table = Some((table.clone(), Digest::default()));
                Ok(Some(Part::Table(table)))
            }
            (Line::Row(row), Some((table, digest))) if row.len() == table.columns.len() => {
                let values = row
                    .iter()
                    .zip(&table.columns)
                    .map(|(json, column)| from_json(json, column.kind));
                let values = values.collect::<Option<Vec<_>>>();
                if let Some(values) = &values {
                    digest.add(values);
                }
                values
                    .ok_or_else(|| self.damaged())
                    .map(|values| Some(Part::Row(values)))
            }
            (Line::End { table: name, rows, sum }, Some((table, digest)))
                if name == table.name && rows == digest.rows && sum == digest.sum() =>
            {
                let digest = *digest;
                self.table = None;
                self.tables += 1;
                Ok(Some(Part::End(Counted {
                    table: name,
                    rows,
                    digest,
                })))
            }
            (Line::Complete { tables }, None) if tables == self.tables => {
                // The gzip stream ends with its own checksum, and nothing may follow it.
                self.text.clear();
                let ended = matches!(self.lines.read_line(&mut self.text), Ok(0));
                match self.lines.get_mut().get_mut().fill_buf() {
                    Ok([]) if ended => Ok(None),
                    _ => Err(self.damaged()),
                }
            }
            _ => Err(self.damaged()),
        }
    }

    fn line(&mut self) -> Result<Line, Failure> {
        self.text.clear();
        self.number += 1;
        match self.lines.read_line(&mut self.text) {
            Ok(1..) => serde_json::from_str(&self.text).map_err(|_| self.damaged()),
            _ => Err(self.damaged()),
        }
    }

    fn damaged(&self) -> Failure {
        let (path, line) = (self.path.display(), self.number);
        Failure::new(format!(
            "{path} is damaged or incomplete (line {line}); nothing was restored"
        ))
    }
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::Text(value) => Json::from(value.as_str()),
        Value::Bytes(value) => Json::from(STANDARD_NO_PAD.encode(value)),
        Value::Uuid(value) => Json::from(value.to_string()),
    }
}

fn from_json(json: &Json, kind: ColumnKind) -> Option<Value> {
    if json.is_null() {
        return Some(Value::Null);
    }
    Some(match kind {
        ColumnKind::Bool => Value::Bool(json.as_bool()?),
        ColumnKind::Int => Value::Int(json.as_i64()?),
        ColumnKind::Text => Value::Text(json.as_str()?.to_owned()),
        ColumnKind::Bytes => Value::Bytes(STANDARD_NO_PAD.decode(json.as_str()?).ok()?),
        ColumnKind::Uuid => Value::Uuid(json.as_str()?.parse().ok()?),
    })
}

fn kind_of(name: &str) -> Option<ColumnKind> {
    let kinds = [
        ColumnKind::Bool,
        ColumnKind::Int,
        ColumnKind::Text,
        ColumnKind::Bytes,
        ColumnKind::Uuid,
    ];
    kinds.into_iter().find(|kind| kind.name() == name)
}
