//! Values survive a round trip, and invalid values are rejected.

use countersign_store::{Cell, Column, StoreError, Value, column, query, row, sql};
use uuid::Uuid;

use crate::place::{both, made, opened, run};

both!(
    values_are_read_as_they_were_written,
    a_newtype_is_a_column,
    a_row_that_makes_no_sense_is_named,
    no_error_shows_a_value
);

row! {
    /// One value of each type.
    #[derive(Debug, PartialEq)]
    struct Everything {
        id: i64,
        flag: Option<bool>,
        number: Option<i64>,
        text: Option<String>,
        bytes: Option<Vec<u8>>,
        key: Option<Uuid>,
    }
}

const TABLE: &str =
    "CREATE TABLE everything (id BIGINT PRIMARY KEY, flag BOOLEAN, number BIGINT, text TEXT, bytes BYTEA, key UUID)";

fn rows() -> Vec<Everything> {
    let full = |id, flag, number, text: &str, bytes: &[u8], key| Everything {
        id,
        flag: Some(flag),
        number: Some(number),
        text: Some(text.into()),
        bytes: Some(bytes.to_vec()),
        key: Some(key),
    };
    vec![
        full(1, true, i64::MIN, "", &[], Uuid::nil()),
        full(
            2,
            false,
            i64::MAX,
            "Zoë 🦀 'quoted' $1 ?1 \n",
            &[0, 255, 0],
            Uuid::max(),
        ),
        full(
            3,
            true,
            0,
            "12",
            b"text",
            Uuid::from_u128(0x0192_abcd_0000_7000_8000_0000_0000_0001),
        ),
        Everything {
            id: 4,
            flag: None,
            number: None,
            text: None,
            bytes: None,
            key: None,
        },
    ]
}

async fn values_are_read_as_they_were_written(url: String) {
    let db = opened(&url).await;
    run(&db, TABLE).await;
    for row in rows() {
        let insert =
            sql!("INSERT INTO everything (id, flag, number, text, bytes, key) VALUES ($1, $2, $3, $4, $5, $6)");
        let insert = query(insert)
            .bind(row.id)
            .bind(row.flag)
            .bind(row.number)
            .bind(row.text)
            .bind(row.bytes);
        assert_eq!(insert.bind(row.key).execute(&db).await.unwrap(), 1);
    }
    // The order of the columns does not matter, because they are read by name.
    let read = query(sql!(
        "SELECT key, bytes, text, number, flag, id FROM everything ORDER BY id"
    ));
    assert_eq!(read.all::<Everything>(&db).await.unwrap(), rows());
    for row in rows().into_iter().take(3) {
        let found = sql!(
            "SELECT id, flag, number, text, bytes, key FROM everything
             WHERE flag = $1 AND number = $2 AND text = $3 AND bytes = $4 AND key = $5"
        );
        let found = query(found)
            .bind(row.flag)
            .bind(row.number)
            .bind(row.text.clone())
            .bind(row.bytes.clone());
        assert_eq!(found.bind(row.key).one::<Everything>(&db).await.unwrap(), row);
    }
    db.close().await.unwrap();
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct NoteId(Uuid);
column!(NoteId as Uuid);

#[derive(Debug, PartialEq)]
enum State {
    Open,
    Closed,
}

impl Column for State {
    fn read(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Text("open") => Some(Self::Open),
            Cell::Text("closed") => Some(Self::Closed),
            _ => None,
        }
    }
}

impl From<State> for Value {
    fn from(state: State) -> Self {
        match state {
            State::Open => "open".into(),
            State::Closed => "closed".into(),
        }
    }
}

row! {
    #[derive(Debug)]
    struct Note { id: NoteId, state: State, hash: [u8; 2], parent: Option<NoteId> }
}

async fn a_newtype_is_a_column(url: String) {
    let db = opened(&url).await;
    run(
        &db,
        "CREATE TABLE notes (id UUID PRIMARY KEY, state TEXT, hash BYTEA, parent UUID)",
    )
    .await;
    let id = NoteId(Uuid::from_u128(7));
    let insert = sql!("INSERT INTO notes (id, state, hash, parent) VALUES ($1, $2, $3, $4)");
    query(insert)
        .bind(id)
        .bind(State::Closed)
        .bind([1, 2])
        .bind(Some(id))
        .execute(&db)
        .await
        .unwrap();
    let read = query(sql!("SELECT id, state, hash, parent FROM notes WHERE id = $1")).bind(id);
    let note: Note = read.one(&db).await.unwrap();
    assert_eq!(
        (note.id, note.state, note.hash, note.parent),
        (id, State::Closed, [1, 2], Some(id))
    );
    db.close().await.unwrap();
}

async fn a_row_that_makes_no_sense_is_named(url: String) {
    let db = opened(&url).await;
    run(
        &db,
        "CREATE TABLE notes (id UUID PRIMARY KEY, state TEXT, hash BYTEA, parent UUID)",
    )
    .await;
    let insert = sql!("INSERT INTO notes (id, state, hash) VALUES ($1, $2, $3)");
    query(insert)
        .bind(Uuid::nil())
        .bind("ajar")
        .bind([1, 2])
        .execute(&db)
        .await
        .unwrap();
    for (text, column) in [
        ("SELECT id, state, hash, parent FROM notes", "state"),
        ("SELECT state, hash, parent FROM notes", "id"),
        ("SELECT id, NULL AS state, hash, parent FROM notes", "state"),
    ] {
        match query(made(text)).one::<Note>(&db).await.unwrap_err() {
            StoreError::Inconsistent {
                table: "Note",
                column: found,
            } => assert_eq!(found, column, "{text}"),
            other => panic!("{text}: {other}"),
        }
    }
    db.close().await.unwrap();
}

async fn no_error_shows_a_value(url: String) {
    let db = opened(&url).await;
    run(
        &db,
        "CREATE TABLE secrets (secret TEXT PRIMARY KEY, size BIGINT NOT NULL CHECK (size > 0))",
    )
    .await;
    let insert = sql!("INSERT INTO secrets (secret, size) VALUES ($1, $2)");
    query(insert).bind("hunter2").bind(1_i64).execute(&db).await.unwrap();
    for (secret, size) in [("hunter2", Some(1_i64)), ("hunter2!", Some(-1)), ("hunter2!", None)] {
        let why = query(insert).bind(secret).bind(size).execute(&db).await.unwrap_err();
        assert!(matches!(why, StoreError::Database(_)), "{why:?}");
        assert!(!format!("{why} {why:?}").contains("hunter2"), "{why:?}");
    }
    assert_eq!(format!("{:?}", Value::from("hunter2")), "Text");
    db.close().await.unwrap();
}
