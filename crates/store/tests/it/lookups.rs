//! Lookups by id: each request gets its own row, also where requests share a statement.

use std::future::ready;

use countersign_store::{Db, Lookup, StoreError, query, row, sql};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::place::{Place, both, on, opened, run};

both!(
    each_request_gets_its_own_row,
    a_lookup_sees_what_was_written_before,
    an_invalid_row_is_an_error_of_its_own_request
);

row! {
    #[derive(Clone, Debug, PartialEq)]
    struct Note {
        id: Uuid,
        text: String,
    }
}

fn lookup(db: &Db) -> Lookup<Note> {
    let one = sql!("SELECT id, text FROM notes WHERE id = $1");
    let several = sql! {
        sqlite: "SELECT id, text FROM notes WHERE id = $1",
        postgres: "SELECT id, text FROM notes WHERE id = ANY ($1)",
    };
    Lookup::new(db.clone(), one, several, |note: &Note| note.id)
}

/// Opens the database with notes 1 to `count`.
async fn with_notes(url: &str, count: u128) -> Db {
    let db = opened(url).await;
    run(&db, "CREATE TABLE notes (id UUID PRIMARY KEY, text TEXT)").await;
    for number in 1..=count {
        write(&db, number, &number.to_string()).await;
    }
    db
}

async fn write(db: &Db, number: u128, text: &str) {
    query(sql!(
        "INSERT INTO notes (id, text) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET text = $2"
    ))
    .bind(Uuid::from_u128(number))
    .bind(text)
    .execute(db)
    .await
    .unwrap();
}

/// Looks up these notes at the same time.
async fn at_once(
    lookup: &Lookup<Note>,
    numbers: impl IntoIterator<Item = u128>,
) -> Vec<(u128, Result<Option<String>, StoreError>)> {
    let requests: Vec<_> = numbers
        .into_iter()
        .map(|number| {
            let lookup = lookup.clone();
            let find = async move { lookup.find(Uuid::from_u128(number)).await };
            (number, tokio::spawn(find))
        })
        .collect();
    let mut found = Vec::new();
    for (number, request) in requests {
        let note = request.await.unwrap();
        found.push((number, note.map(|note| note.map(|note| note.text))));
    }
    found
}

async fn each_request_gets_its_own_row(url: String) {
    let db = with_notes(&url, 20).await;
    let lookup = lookup(&db);
    for _ in 0..10 {
        // Each is requested several times, and 21 to 30 do not exist.
        for (number, text) in at_once(&lookup, (0..300).map(|turn| turn % 30 + 1)).await {
            let expected = (number <= 20).then(|| number.to_string());
            assert_eq!(text.unwrap(), expected, "{number}");
        }
    }
    db.close().await.unwrap();
    for (_, text) in at_once(&lookup, 1..=5).await {
        assert!(matches!(text, Err(StoreError::Unavailable(_))), "{text:?}");
    }
}

async fn a_lookup_sees_what_was_written_before(url: String) {
    let db = with_notes(&url, 10).await;
    let lookup = lookup(&db);
    // Others are looking up rows all the time.
    let others = lookup.clone();
    let busy = tokio::spawn(async move {
        loop {
            at_once(&others, 1..=10).await;
        }
    });
    for turn in 0..200 {
        let text = format!("turn {turn}");
        write(&db, 5, &text).await;
        let note = lookup.find(Uuid::from_u128(5)).await.unwrap();
        assert_eq!(note.map(|note| note.text), Some(text));
    }
    busy.abort();
}

async fn an_invalid_row_is_an_error_of_its_own_request(url: String) {
    let db = with_notes(&url, 10).await;
    run(&db, "UPDATE notes SET text = NULL WHERE text = '7'").await;
    for (number, text) in at_once(&lookup(&db), 1..=10).await {
        match number {
            7 => assert!(matches!(text, Err(StoreError::Inconsistent { .. })), "{text:?}"),
            number => assert_eq!(text.unwrap(), Some(number.to_string())),
        }
    }
    db.close().await.unwrap();
}

/// Like [`lookup`], and counts its statements in a sequence.
async fn counted(db: &Db) -> Lookup<Note> {
    run(db, "CREATE SEQUENCE statements").await;
    let one = sql! {
        sqlite: "SELECT id, text FROM notes WHERE id = $1",
        postgres: "SELECT id, text FROM notes WHERE id = $1 AND (SELECT nextval('statements')) > 0",
    };
    let several = sql! {
        sqlite: "SELECT id, text FROM notes WHERE id = $1",
        postgres: "SELECT id, text FROM notes WHERE id = ANY ($1) AND (SELECT nextval('statements')) > 0",
    };
    Lookup::new(db.clone(), one, several, |note: &Note| note.id)
}

async fn statements(db: &Db) -> i64 {
    let next = query(sql!("SELECT nextval('statements')")).one::<i64>(db);
    next.await.unwrap() - 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_requests_share_statements() {
    on(Place::postgres().await, |url| async move {
        let db = with_notes(&url, 200).await;
        let lookup = counted(&db).await;
        for (number, text) in at_once(&lookup, 1..=200).await {
            assert_eq!(text.unwrap(), Some(number.to_string()));
        }
        let statements = statements(&db).await;
        assert!((1..50).contains(&statements), "{statements} statements for 200 rows");
        db.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_nothing_is_looked_up_for_callers_that_have_left() {
    on(Place::postgres().await, |url| async move {
        let db = with_notes(&url, 1).await;
        let lookup = counted(&db).await;
        let (locked, release) = (&Notify::new(), &Notify::new());
        let lock = db.transact(|tx| {
            Box::pin(async move {
                query(sql!("LOCK TABLE notes IN ACCESS EXCLUSIVE MODE"))
                    .execute(tx)
                    .await?;
                locked.notify_one();
                release.notified().await;
                Ok::<_, StoreError>(())
            })
        });
        let requests = async {
            locked.notified().await;
            for _ in 0..1_000 {
                // Polled once: the request is made, and then its caller leaves.
                tokio::select! {
                    biased;
                    note = lookup.find(Uuid::from_u128(1)) => panic!("the table is locked, but: {note:?}"),
                    () = ready(()) => {}
                }
            }
            release.notify_one();
            lookup.find(Uuid::from_u128(1)).await
        };
        let (lock, note) = tokio::join!(lock, requests);
        lock.unwrap();
        assert_eq!(note.unwrap().map(|note| note.text), Some("1".to_owned()));
        let statements = statements(&db).await;
        assert!(statements <= 3, "{statements} statements");
        db.close().await.unwrap();
    })
    .await;
}
