//! Whole databases of PostgreSQL: a repeatable read through cursors, and binary COPY to write.

use std::pin::pin;

use tokio::sync::mpsc;
use tokio_postgres::Client;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

use super::piece::{BATCH, ColumnKind, Piece, Table, parents_first};
use super::sqlite::values;
use crate::db::Engine;
use crate::own_tables::is_own;
use crate::postgres::store_error;
use crate::{Db, Row, StoreError, Value};

type Sender = mpsc::Sender<Result<Piece, StoreError>>;

pub(super) async fn read(db: Db, sender: Sender) {
    if let Err(why) = read_tables(&db, &sender).await {
        let _ = sender.send(Err(why)).await;
    }
}

async fn read_tables(db: &Db, sender: &Sender) -> Result<(), StoreError> {
    let Engine::Postgres(postgres) = &db.inner.engine else {
        return Ok(());
    };
    // The connection is closed afterwards, which ends its transaction and settings.
    let client = postgres.own_connection().await?;
    run(&client, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    run(&client, "SET LOCAL idle_in_transaction_session_timeout = 0").await?;
    for table in tables(&client).await? {
        let declare = format!(
            "DECLARE whole NO SCROLL CURSOR FOR SELECT {} FROM {}",
            table.column_names(),
            table.name
        );
        run(&client, &declare).await?;
        if sender.send(Ok(Piece::Table(table.clone()))).await.is_err() {
            return Ok(());
        }
        loop {
            let fetched = client.query(&format!("FETCH {BATCH} FROM whole"), &[]).await;
            let fetched = fetched.map_err(|why| store_error(&why))?;
            let count = fetched.len();
            let rows = fetched.iter().map(|row| values(&table, &Row::of_postgres(row)));
            if sender
                .send(Ok(Piece::Rows(rows.collect::<Result<_, _>>()?)))
                .await
                .is_err()
            {
                return Ok(());
            }
            if count < BATCH {
                break;
            }
        }
        run(&client, "CLOSE whole").await?;
    }
    let _ = sender.send(Ok(Piece::End)).await;
    Ok(())
}

async fn run(client: &Client, statement: &str) -> Result<(), StoreError> {
    client.batch_execute(statement).await.map_err(|why| store_error(&why))
}

pub(super) async fn tables(client: &Client) -> Result<Vec<Table>, StoreError> {
    let columns = client
        .query(
            "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod)::text
               FROM pg_class c
               JOIN pg_attribute a ON a.attrelid = c.oid
              WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
                AND a.attnum > 0 AND NOT a.attisdropped
              ORDER BY c.relname, a.attnum",
            &[],
        )
        .await
        .map_err(|why| store_error(&why))?;
    let references = client
        .query(
            "SELECT conrelid::regclass::text, confrelid::regclass::text
               FROM pg_constraint
              WHERE contype = 'f' AND connamespace = current_schema()::regnamespace",
            &[],
        )
        .await
        .map_err(|why| store_error(&why))?;
    let mut found: Vec<(Table, Vec<String>)> = Vec::new();
    for row in &columns {
        let (table, column, kind): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        if is_own(&table) {
            continue;
        }
        let column = Table::column(&table, column, &kind)?;
        match found.last_mut().filter(|(last, _)| last.name == table) {
            Some((last, _)) => last.columns.push(column),
            None => {
                let refers = |row: &&tokio_postgres::Row| row.get::<_, &str>(0) == table;
                let parents = references.iter().filter(refers).map(|row| row.get(1)).collect();
                let columns = vec![column];
                found.push((Table { name: table, columns }, parents));
            }
        }
    }
    Ok(parents_first(found))
}

pub(super) async fn write(client: &Client, table: &Table, rows: &[Vec<Value>]) -> Result<(), StoreError> {
    let copy = format!(
        "COPY {} ({}) FROM STDIN (FORMAT binary)",
        table.name,
        table.column_names()
    );
    let types: Vec<Type> = table.columns.iter().map(|column| kind(column.kind)).collect();
    let copied = async {
        let mut writer = pin!(BinaryCopyInWriter::new(client.copy_in(&copy).await?, &types));
        for row in rows {
            writer
                .as_mut()
                .write_raw(row.iter().map(|value| value as &(dyn ToSql + Sync)))
                .await?;
        }
        writer.finish().await
    };
    copied.await.map(drop).map_err(|why| store_error(&why))
}

pub(super) async fn clear(client: &Client, table: &Table) -> Result<(), StoreError> {
    run(client, &format!("DELETE FROM {}", table.name)).await
}

fn kind(kind: ColumnKind) -> Type {
    match kind {
        ColumnKind::Bool => Type::BOOL,
        ColumnKind::Int => Type::INT8,
        ColumnKind::Text => Type::TEXT,
        ColumnKind::Bytes => Type::BYTEA,
        ColumnKind::Uuid => Type::UUID,
    }
}
