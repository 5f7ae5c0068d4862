//! Whole databases of SQLite: one read transaction, on a separate connection and thread.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params_from_iter};
use tokio::sync::mpsc;

use super::piece::{BATCH, ColumnKind, Piece, Table, TableColumn, parents_first};
use crate::own_tables::is_own;
use crate::row::Cell;
use crate::sqlite::{Manner, open_reader, store_error};
use crate::{Row, StoreError, Value};

type Sender = mpsc::Sender<Result<Piece, StoreError>>;

pub(super) fn read((path, manner): (PathBuf, Manner), sender: Sender) {
    let reading = std::thread::Builder::new().name("store-transfer".into());
    // If the thread cannot start, the sender is dropped, and the reader sees an interrupted transfer.
    let _ = reading.spawn(move || {
        if let Err(why) = read_tables(&path, manner, &sender) {
            let _ = sender.blocking_send(Err(why));
        }
    });
}

fn read_tables(path: &Path, manner: Manner, sender: &Sender) -> Result<(), StoreError> {
    let connection = open_reader(path, manner)?;
    // The first statement that reads fixes the moment.
    connection.execute_batch("BEGIN DEFERRED").map_err(store_error)?;
    for table in tables(&connection)? {
        let mut statement = connection
            .prepare(&format!("SELECT {} FROM {}", table.column_names(), table.name))
            .map_err(store_error)?;
        if sender.blocking_send(Ok(Piece::Table(table.clone()))).is_err() {
            return Ok(());
        }
        let mut rows = statement.query([]).map_err(store_error)?;
        let mut batch = Vec::new();
        while let Some(row) = rows.next().map_err(store_error)? {
            batch.push(values(&table, &Row::of_sqlite(row, &[]))?);
            if batch.len() == BATCH
                && sender
                    .blocking_send(Ok(Piece::Rows(std::mem::take(&mut batch))))
                    .is_err()
            {
                return Ok(());
            }
        }
        let _ = sender.blocking_send(Ok(Piece::Rows(batch)));
    }
    let _ = sender.blocking_send(Ok(Piece::End));
    Ok(())
}

/// Returns the row with the types of its columns, because SQLite has neither booleans nor UUIDs.
pub(super) fn values(table: &Table, row: &Row<'_>) -> Result<Vec<Value>, StoreError> {
    let value = |(index, column): (usize, &TableColumn)| {
        let value = row.cell_at(index).and_then(|cell| value(cell, column.kind));
        value.ok_or_else(|| {
            StoreError::database(format!("{}.{} has a value of the wrong type", table.name, column.name))
        })
    };
    table.columns.iter().enumerate().map(value).collect()
}

fn value(cell: Cell<'_>, kind: ColumnKind) -> Option<Value> {
    Some(match (cell, kind) {
        (Cell::Null, _) => Value::Null,
        (Cell::Bool(value), ColumnKind::Bool) => Value::Bool(value),
        (Cell::Int(value @ (0 | 1)), ColumnKind::Bool) => Value::Bool(value == 1),
        (Cell::Int(value), ColumnKind::Int) => Value::Int(value),
        (Cell::Text(value), ColumnKind::Text) => Value::Text(value.to_owned()),
        (Cell::Bytes(value), ColumnKind::Bytes) => Value::Bytes(value.to_vec()),
        (Cell::Uuid(value), ColumnKind::Uuid) => Value::Uuid(value),
        (Cell::Bytes(value), ColumnKind::Uuid) => Value::Uuid(uuid::Uuid::from_slice(value).ok()?),
        _ => return None,
    })
}

pub(super) fn tables_of((path, manner): (PathBuf, Manner)) -> Result<Vec<Table>, StoreError> {
    tables(&open_reader(&path, manner)?)
}

fn tables(connection: &Connection) -> Result<Vec<Table>, StoreError> {
    let names = texts(
        connection,
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        "",
    )?;
    let mut found = Vec::new();
    for name in names.into_iter().filter(|name| !is_own(name)) {
        let columns = texts(connection, "SELECT name FROM pragma_table_info(?1) ORDER BY cid", &name)?;
        let types = texts(connection, "SELECT type FROM pragma_table_info(?1) ORDER BY cid", &name)?;
        let parents = texts(connection, "SELECT \"table\" FROM pragma_foreign_key_list(?1)", &name)?;
        let columns = columns.into_iter().zip(types);
        let columns = columns.map(|(column, declared)| Table::column(&name, column, &declared));
        let columns = columns.collect::<Result<_, _>>()?;
        found.push((Table { name, columns }, parents));
    }
    Ok(parents_first(found))
}

fn texts(connection: &Connection, statement: &str, parameter: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(statement).map_err(store_error)?;
    let parameters = [parameter];
    let parameters = &parameters[..statement.parameter_count()];
    let rows = statement
        .query_map(params_from_iter(parameters), |row| row.get(0))
        .map_err(store_error)?;
    rows.collect::<Result<_, _>>().map_err(store_error)
}

pub(super) fn write(connection: &Connection, table: &Table, rows: &[Vec<Value>]) -> Result<(), StoreError> {
    let places: Vec<String> = (1..=table.columns.len()).map(|place| format!("?{place}")).collect();
    let statement = format!(
        "INSERT INTO {} ({}) VALUES ({})",
        table.name,
        table.column_names(),
        places.join(", ")
    );
    let mut statement = connection.prepare_cached(&statement).map_err(store_error)?;
    for row in rows {
        statement.execute(params_from_iter(row)).map_err(store_error)?;
    }
    Ok(())
}

pub(super) fn clear(connection: &Connection, table: &Table) -> Result<(), StoreError> {
    let cleared = connection.execute(&format!("DELETE FROM {}", table.name), []);
    cleared.map(drop).map_err(store_error)
}
