//! Transactions mean the same on both databases.

use std::sync::Arc;
use std::time::Duration;

use countersign_store::{Db, StoreError, Tx, query, sql};
use tokio::sync::{Barrier, Notify};

use crate::place::{both, opened};

both!(
    two_hundred_counters_count_two_hundred,
    f_6_one_of_64_concurrent_rotations_succeeds,
    a_dropped_future_rolls_back,
    a_panic_rolls_back,
    an_error_rolls_back,
    an_error_that_was_dropped_does_not_commit,
    a_read_sees_the_write_before_it,
    a_statement_of_its_own_is_committed,
    settled_returns,
);

async fn value(db: &Db) -> i64 {
    query(sql!("SELECT value FROM counters WHERE id = 1"))
        .one(db)
        .await
        .unwrap()
}

async fn read(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    query(sql!("SELECT value FROM counters WHERE id = $1"))
        .bind(1_i64)
        .one(tx)
        .await
}

async fn write(tx: &mut Tx<'_>, value: i64) -> Result<u64, StoreError> {
    query(sql!("UPDATE counters SET value = $1 WHERE id = 1"))
        .bind(value)
        .execute(tx)
        .await
}

async fn count(db: &Db) -> Result<(), StoreError> {
    db.transact(|tx| {
        Box::pin(async move {
            let value = read(tx).await?;
            write(tx, value + 1).await?;
            Ok(())
        })
    })
    .await
}

async fn two_hundred_counters_count_two_hundred(url: String) {
    let db = opened(&url).await;
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            tokio::spawn({
                let db = db.clone();
                async move { count(&db).await }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(value(&db).await, 200);
    db.close().await.unwrap();
}

async fn f_6_one_of_64_concurrent_rotations_succeeds(url: String) {
    let db = opened(&url).await;
    let start = Arc::new(Barrier::new(64));
    let racers = (0..64_i64).map(|racer| {
        let (db, start) = (db.clone(), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            spend(&db, racer).await.unwrap()
        })
    });
    let mut winners = 0;
    for racer in racers.collect::<Vec<_>>() {
        winners += u32::from(racer.await.unwrap());
    }
    assert_eq!(winners, 1);
    let children: i64 = query(sql!("SELECT count(*) FROM tokens WHERE parent = 1"))
        .one(&db)
        .await
        .unwrap();
    assert_eq!(children, 1);
    db.close().await.unwrap();
}

async fn spend(db: &Db, racer: i64) -> Result<bool, StoreError> {
    db.transact(|tx| {
        Box::pin(async move {
            let spent = sql!("UPDATE tokens SET spent_by = $1 WHERE id = 1 AND spent_by IS NULL RETURNING id");
            if query(spent).bind(racer).optional::<i64>(&mut *tx).await?.is_none() {
                return Ok(false);
            }
            let successor = sql!("INSERT INTO tokens (id, parent) VALUES ($1, 1)");
            query(successor).bind(1000 + racer).execute(tx).await?;
            Ok(true)
        })
    })
    .await
}

async fn a_dropped_future_rolls_back(url: String) {
    let db = opened(&url).await;
    let reached = Arc::new(Notify::new());
    let (inner, outer) = (db.clone(), reached.clone());
    let task = tokio::spawn(async move {
        let outer = &outer;
        let work = inner.transact(|tx| {
            Box::pin(async move {
                write(tx, 99).await?;
                outer.notify_one();
                std::future::pending::<Result<(), StoreError>>().await
            })
        });
        work.await
    });
    reached.notified().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(value(&db).await, 0);
    count(&db).await.unwrap();
    assert_eq!(value(&db).await, 1);
    db.close().await.unwrap();
}

async fn a_panic_rolls_back(url: String) {
    let db = opened(&url).await;
    let inner = db.clone();
    let task = tokio::spawn(async move {
        let work = inner.transact(|tx| {
            Box::pin(async move {
                write(tx, 99).await?;
                panic!("inside a transaction");
                #[expect(unreachable_code, reason = "it gives the closure its type")]
                Ok::<(), StoreError>(())
            })
        });
        work.await
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(value(&db).await, 0);
    count(&db).await.unwrap();
    assert_eq!(value(&db).await, 1);
    db.close().await.unwrap();
}

#[derive(Debug)]
enum Failure {
    Rule,
    Store,
}

impl From<StoreError> for Failure {
    fn from(_: StoreError) -> Self {
        Self::Store
    }
}

async fn an_error_rolls_back(url: String) {
    let db = opened(&url).await;
    let refused = db.transact(|tx| {
        Box::pin(async move {
            write(tx, 99).await?;
            Err::<(), _>(Failure::Rule)
        })
    });
    assert!(matches!(refused.await, Err(Failure::Rule)));
    assert_eq!(value(&db).await, 0);
    count(&db).await.unwrap();
    db.close().await.unwrap();
}

async fn an_error_that_was_dropped_does_not_commit(url: String) {
    let db = opened(&url).await;
    let refused = db.transact(|tx| {
        Box::pin(async move {
            write(tx, 99).await?;
            let taken = query(sql!("INSERT INTO counters (id, value) VALUES (1, 1)"))
                .execute(&mut *tx)
                .await;
            assert!(matches!(taken, Err(StoreError::Database(_))), "{taken:?}");
            assert!(read(tx).await.is_err(), "nothing more runs");
            Ok::<(), StoreError>(())
        })
    });
    assert!(matches!(refused.await, Err(StoreError::Database(_))));
    assert_eq!(value(&db).await, 0);
    db.close().await.unwrap();
}

async fn a_read_sees_the_write_before_it(url: String) {
    let db = opened(&url).await;
    for round in 1..=50 {
        query(sql!("UPDATE counters SET value = $1 WHERE id = 1"))
            .bind(round)
            .execute(&db)
            .await
            .unwrap();
        assert_eq!(value(&db).await, round);
        let all = query(sql!("SELECT value FROM counters")).all::<i64>(&db).await.unwrap();
        assert_eq!(all, [round]);
        db.transact(|tx| {
            Box::pin(async move {
                write(tx, -round).await?;
                assert_eq!(read(tx).await?, -round);
                Ok::<(), StoreError>(())
            })
        })
        .await
        .unwrap();
        assert_eq!(value(&db).await, -round);
    }
    db.close().await.unwrap();
}

async fn a_statement_of_its_own_is_committed(url: String) {
    let db = opened(&url).await;
    let spent = sql!("UPDATE tokens SET spent_by = 7 WHERE id = $1 AND spent_by IS NULL RETURNING id");
    assert_eq!(query(spent).bind(1_i64).optional::<i64>(&db).await.unwrap(), Some(1));
    assert_eq!(query(spent).bind(1_i64).all::<i64>(&db).await.unwrap(), []);
    let taken = sql!("INSERT INTO tokens (id) VALUES ($1) ON CONFLICT (id) DO NOTHING");
    assert_eq!(query(taken).bind(1_i64).execute(&db).await.unwrap(), 0);
    assert_eq!(query(taken).bind(2_i64).execute(&db).await.unwrap(), 1);
    let many = query(sql!("SELECT id FROM tokens")).optional::<i64>(&db).await;
    assert!(matches!(many, Err(StoreError::Database(_))));
    let none = query(sql!("SELECT id FROM tokens WHERE id = 3")).one::<i64>(&db).await;
    assert!(matches!(none, Err(StoreError::Database(_))));
    db.close().await.unwrap();
}

async fn settled_returns(url: String) {
    let db = opened(&url).await;
    for _ in 0..20 {
        count(&db).await.unwrap();
        db.settled().await.unwrap();
    }
    db.migrate(&[], 1).await.unwrap();
    db.check_writable().await.unwrap();
    let status = db.pool_status();
    assert_eq!((status.in_use, status.waiting), (0, 0), "{status:?}");
    db.close().await.unwrap();
    assert!(matches!(db.check_writable().await, Err(StoreError::Unavailable(_))));
    let late = tokio::time::timeout(Duration::from_secs(10), count(&db)).await.unwrap();
    assert!(matches!(late, Err(StoreError::Unavailable(_))));
}
