//! Stale prepared statements, servers that do not accept writes, and databases that cannot store all of Unicode, on
//! PostgreSQL only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use countersign_store::{DatabaseOptions, Db, OpenError, Role, StoreError, query, row, sql};

use crate::place::{Place, on, opened, run};

/// With a single connection, so that the prepared statements are used again.
async fn with_one(url: &str) -> Db {
    Db::open(&DatabaseOptions {
        pool_size: Some(1),
        ..DatabaseOptions::new(url, Role::Server)
    })
    .await
    .unwrap()
}

async fn label(db: &Db) -> Result<String, StoreError> {
    query(sql!("SELECT label FROM labels WHERE id = $1"))
        .bind(1)
        .one(db)
        .await
}

/// Runs two prepared statements in a transaction and counts the attempts.
async fn relabel(db: &Db, begun: &Arc<AtomicU32>) -> Result<String, StoreError> {
    let work = db.transact(|tx| {
        Box::pin(async move {
            begun.fetch_add(1, Ordering::Relaxed);
            let label: String = query(sql!("SELECT label FROM labels WHERE id = $1"))
                .bind(1)
                .one(&mut *tx)
                .await?;
            query(sql!(
                "UPDATE labels SET label = $1 || '!' WHERE id = $2 RETURNING label"
            ))
            .bind(label)
            .bind(1)
            .one(tx)
            .await
        })
    });
    work.await
}

async fn append(db: &Db) -> Result<u64, StoreError> {
    query(sql!(
        "INSERT INTO labels (id, label) SELECT MAX(id) + 1, $1 FROM labels"
    ))
    .bind("b")
    .execute(db)
    .await
}

/// The causes of stale statements.
const STALE: [&str; 4] = [
    "ALTER TABLE labels ALTER COLUMN label TYPE VARCHAR(90)",
    "DEALLOCATE ALL",
    "DISCARD ALL",
    "ALTER TABLE labels ALTER COLUMN label TYPE TEXT",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_statement_is_prepared_anew_and_run_again() {
    on(Place::postgres().await, |url| async move {
        let db = with_one(&url).await;
        run(&db, "CREATE TABLE labels (id BIGINT PRIMARY KEY, label TEXT NOT NULL)").await;
        run(&db, "INSERT INTO labels (id, label) VALUES (1, 'a')").await;
        let begun = Arc::new(AtomicU32::new(0));
        let (mut expected, mut rows) = ("a".to_owned(), 1);
        for round in 0..3 {
            for cause in STALE {
                label(&db).await.unwrap();
                append(&db).await.unwrap();
                expected = format!("{expected}!");
                assert_eq!(relabel(&db, &begun).await.unwrap(), expected);

                run(&db, cause).await;
                assert_eq!(label(&db).await.unwrap(), expected, "{cause}");
                run(&db, cause).await;
                assert_eq!(append(&db).await.unwrap(), 1, "{cause}");
                run(&db, cause).await;
                expected = format!("{expected}!");
                let before = begun.load(Ordering::Relaxed);
                assert_eq!(
                    relabel(&db, &begun).await.unwrap(),
                    expected,
                    "{cause} in round {round}"
                );
                assert!(
                    begun.load(Ordering::Relaxed) <= before + 2,
                    "{cause}: one more attempt is enough"
                );
                rows += 2;
            }
        }
        // Each ran exactly once, regardless of the number of attempts.
        let counted: i64 = query(sql!("SELECT COUNT(*) FROM labels")).one(&db).await.unwrap();
        assert_eq!(counted, rows);
        db.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connection_of_the_pool_recovers_from_stale_statements() {
    on(Place::postgres().await, |url| async move {
        let db = opened(&url).await;
        run(&db, "ALTER TABLE tokens ADD COLUMN note TEXT").await;
        bump_twelve_times(&db).await;
        run(&db, "ALTER TABLE tokens ALTER COLUMN note TYPE VARCHAR(9)").await;
        bump_twelve_times(&db).await;
        let count: i64 = query(sql!("SELECT parent FROM tokens WHERE id = 1"))
            .one(&db)
            .await
            .unwrap();
        assert_eq!(count, 24);
        db.close().await.unwrap();
    })
    .await;
}

async fn bump_twelve_times(db: &Db) {
    let tasks: Vec<_> = (0..12).map(|_| tokio::spawn(bump(db.clone()))).collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

async fn bump(db: Db) -> Result<i64, StoreError> {
    let work = db.transact(|tx| {
        Box::pin(async move {
            query(sql!(
                "UPDATE tokens SET parent = COALESCE(parent, 0) + 1 WHERE id = $1 RETURNING parent, note"
            ))
            .bind(1)
            .one::<Bumped>(tx)
            .await
        })
    });
    work.await.map(|bumped| {
        assert_eq!(bumped.note, None);
        bumped.parent
    })
}

row! {
    struct Bumped { parent: i64, note: Option<String> }
}

/// Errors that do not concern prepared statements are returned without a retry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_supported_stays_refused() {
    on(Place::postgres().await, |url| async move {
        let db = opened(&url).await;
        let refused = query(sql!("SELECT value FROM counters FOR UPDATE OF counters, nobody"))
            .one::<i64>(&db)
            .await;
        // The role may lack the privilege to see a table that cannot be found.
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        let refused = query(sql!("SELECT COUNT(*) FROM counters FOR UPDATE"))
            .one::<i64>(&db)
            .await;
        assert!(matches!(refused, Err(StoreError::Database(_))), "{refused:?}");
        db.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_takes_no_writes_is_unavailable_and_is_not_lent_again() {
    on(Place::postgres().await, |url| async move {
        drop(opened(&url).await);
        let db = with_one(&url).await;
        db.migrate(&[], 1).await.unwrap();
        for round in 0..3 {
            run(&db, "SET default_transaction_read_only = on").await;
            let refused = match round {
                0 => query(sql!("UPDATE counters SET value = value + 1"))
                    .execute(&db)
                    .await
                    .map(drop),
                1 => {
                    db.transact(|tx| {
                        Box::pin(async move {
                            query(sql!("UPDATE counters SET value = value + 1"))
                                .execute(tx)
                                .await
                                .map(drop)
                        })
                    })
                    .await
                }
                _ => db.check_writable().await,
            };
            assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
            // The next statement uses another session.
            run(&db, "UPDATE counters SET value = value + 1").await;
        }
        db.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    on(Place::postgres().await, |url| async move {
        let db = with_one(&url).await;
        for encoding in ["SQL_ASCII", "LATIN1", "EUC_JP"] {
            let name = format!("store_{}_{}", encoding.to_lowercase(), std::process::id());
            run(
                &db,
                &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"),
            )
            .await;
            let outcomes = [
                Db::open(&DatabaseOptions::new(in_database(&url, &name), Role::Server))
                    .await
                    .map(drop),
                Db::open(&DatabaseOptions::new(in_database(&url, &name), Role::Admin))
                    .await
                    .map(drop),
            ];
            run(&db, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
            for outcome in outcomes {
                let Err(why) = outcome else {
                    panic!("{encoding} was opened")
                };
                assert!(!matches!(why, OpenError::Store(_)), "{why}");
                let why = why.to_string();
                for words in [encoding, name.as_str(), "UTF8", "createdb --owner=", "--encoding=UTF8"] {
                    assert!(why.contains(words), "{words}: {why}");
                }
            }
        }
        db.close().await.unwrap();
    })
    .await;
}

/// The URL of another database on the same server.
fn in_database(url: &str, name: &str) -> String {
    let (server, parameters) = url.split_once('?').unwrap();
    let (server, _) = server.rsplit_once('/').unwrap();
    format!("{server}/{name}?{parameters}")
}
