//! Guarantees specific to PostgreSQL.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign_store::{DatabaseOptions, Db, OpenError, Role, StoreError, query, sql};

use crate::place::{Place, on, opened, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_be_resolved_may_be_a_part_of_the_password() {
    // The password of the second one is `p@s.invalid/s`, but its host seems to be `s.invalid`.
    for url in [
        "postgres://u:p@no-such-host.invalid/d",
        "postgres://u:p@s.invalid/s@db.example/d",
    ] {
        let opened = Db::open(&DatabaseOptions::new(url, Role::Admin)).await;
        let why = opened.err().unwrap().to_string();
        assert!(
            why.contains("if the password contains special characters, percent-encode them"),
            "{why}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_are_bounded() {
    on(Place::postgres().await, |url| async move {
        let db = opened(&url).await;
        let (other, attempts) = (&db, &AtomicU32::new(0));
        let hopeless = db.transact(|tx| {
            Box::pin(async move {
                attempts.fetch_add(1, Ordering::Relaxed);
                let value: i64 = query(sql!("SELECT value FROM counters WHERE id = 1"))
                    .one(&mut *tx)
                    .await?;
                // Another transaction always interferes.
                query(sql!("UPDATE counters SET value = value + 1 WHERE id = 1"))
                    .execute(other)
                    .await?;
                query(sql!("UPDATE counters SET value = $1 WHERE id = 1"))
                    .bind(value + 100)
                    .execute(tx)
                    .await?;
                Ok::<(), StoreError>(())
            })
        });
        assert!(matches!(hopeless.await, Err(StoreError::Conflict)));
        let attempts = attempts.load(Ordering::Relaxed);
        assert_eq!(attempts, 40);
        let value: i64 = query(sql!("SELECT value FROM counters WHERE id = 1"))
            .one(&db)
            .await
            .unwrap();
        assert_eq!(value, i64::from(attempts));
        db.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_is_replaced() {
    on(Place::postgres().await, |url| async move {
        drop(opened(&url).await);
        let db = opened_with_two(&url).await;
        for _ in 0..20 {
            let cut = query(sql!("SELECT pg_terminate_backend(pg_backend_pid())"))
                .one::<bool>(&db)
                .await;
            assert!(matches!(cut, Err(StoreError::Unavailable(_))), "{cut:?}");
            let within = db.transact(|tx| {
                Box::pin(async move {
                    query(sql!("UPDATE counters SET value = value + 1"))
                        .execute(&mut *tx)
                        .await?;
                    query(sql!("SELECT pg_terminate_backend(pg_backend_pid())"))
                        .one::<bool>(tx)
                        .await
                })
            });
            assert!(matches!(within.await, Err(StoreError::Unavailable(_))));
        }
        // The pool may still hold connections that it does not know to be closed, but each is used only once.
        let mut served = None;
        for _ in 0..3 {
            let value = query(sql!("SELECT value FROM counters")).one::<i64>(&db).await;
            served = served.or(value.ok());
        }
        assert_eq!(served, Some(0), "nothing that was cut off has been committed");
        db.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_of_one_row_share_a_connection_and_outlive_it() {
    on(Place::postgres().await, |url| async move {
        let db = opened(&url).await;
        let asked = || query(sql!("SELECT CAST(pg_backend_pid() AS BIGINT)"));
        let shared: i64 = asked().one(&db).await.unwrap();
        for _ in 0..3 {
            let together: Vec<_> = (0..20)
                .map(|_| {
                    let db = db.clone();
                    tokio::spawn(async move { asked().one::<i64>(&db).await })
                })
                .collect();
            for read in together {
                assert_eq!(read.await.unwrap().unwrap(), shared);
            }
            let others: Vec<i64> = asked().all(&db).await.unwrap();
            assert_ne!(others, [shared], "what may take long has a connection to itself");
        }
        let cut = query(sql!("SELECT pg_terminate_backend(CAST($1 AS INT))")).bind(shared);
        assert_eq!(cut.all::<bool>(&db).await.unwrap(), [true]);
        for _ in 0..3 {
            assert_ne!(asked().one::<i64>(&db).await.unwrap(), shared);
        }
        db.close().await.unwrap();
        assert!(matches!(asked().one::<i64>(&db).await, Err(StoreError::Unavailable(_))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_takes_too_long_is_not_repeated() {
    on(Place::postgres().await, |url| async move {
        let db = opened(&format!("{url}%20-c%20statement_timeout%3D500")).await;
        run(&db, "CREATE SEQUENCE attempts").await;
        let slow = query(sql!(
            "SELECT CAST(pg_sleep(60) AS TEXT) FROM (SELECT nextval('attempts')) AS counted"
        ))
        .one::<String>(&db)
        .await;
        assert!(matches!(slow, Err(StoreError::Unavailable(_))), "{slow:?}");
        let attempts: i64 = query(sql!("SELECT nextval('attempts')")).one(&db).await.unwrap();
        assert_eq!(attempts, 2, "the slow read was counted once");
        db.close().await.unwrap();
    })
    .await;
}

async fn opened_with_two(url: &str) -> Db {
    Db::open(&DatabaseOptions {
        pool_size: Some(2),
        prepared: true,
        ..DatabaseOptions::new(url, Role::Server)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exhausted_pool_is_unavailable_and_then_serves_again() {
    on(Place::postgres().await, |url| async move {
        drop(opened(&url).await);
        let db = opened_with_two(&url).await;
        db.migrate(&[], 1).await.unwrap();
        let holders: Vec<_> = (0..2)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move { query(sql!("SELECT 1 FROM pg_sleep(4)")).one::<i64>(&db).await })
            })
            .collect();
        while db.pool_status().in_use < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(matches!(db.check_writable().await, Err(StoreError::Unavailable(_))));
        for holder in holders {
            holder.await.unwrap().unwrap();
        }
        db.check_writable().await.unwrap();
        run(&db, "UPDATE counters SET value = 1").await;
        db.close().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_its_password_is_not_shown() {
    let url = "postgres://someone:hunter2@127.0.0.1:1/none";
    let Err(why) = Db::open(&DatabaseOptions::new(url, Role::Server)).await else {
        panic!("nothing listens there")
    };
    assert!(matches!(why, OpenError::Store(StoreError::Unavailable(_))), "{why}");
    assert!(!format!("{why} {why:?}").contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_that_quotes_a_value_is_not_repeated() {
    on(Place::postgres().await, |url| async move {
        let db = opened(&url).await;
        let quoted = query(sql!("SELECT CAST(CAST($1 AS TEXT) AS BIGINT)"))
            .bind("hunter2")
            .one::<i64>(&db)
            .await;
        let Err(why) = quoted else { panic!("that is no number") };
        assert_eq!(why.to_string(), "database error: SQLSTATE 22P02");
        db.close().await.unwrap();
    })
    .await;
}
