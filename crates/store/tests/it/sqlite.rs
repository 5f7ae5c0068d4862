//! Guarantees specific to SQLite.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_store::{DatabaseOptions, Db, OpenError, Role, StoreError, query, sql};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::place::{Place, open, opened, run};

fn path_of(place: &Place) -> PathBuf {
    PathBuf::from(place.url.strip_prefix("sqlite://").unwrap())
}

fn with_suffix(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn admin(place: &Place) -> Db {
    Db::open(&DatabaseOptions::new(&place.url, Role::Admin)).await.unwrap()
}

#[tokio::test]
async fn the_file_is_for_its_owner_alone_and_is_tidied_when_closed() {
    let place = Place::sqlite();
    let path = path_of(&place);
    let db = opened(&place.url).await;
    assert_eq!(db.warnings(), [""; 0]);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for file in ["", "-wal", "-shm", "-lock"] {
        assert_eq!(mode(&with_suffix(&path, file)), 0o600, "{file}");
    }
    db.close().await.unwrap();
    assert!(!with_suffix(&path, "-wal").exists());
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let db = open(&place.url).await;
    assert_eq!(db.warnings().len(), 1, "{:?}", db.warnings());
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_second_server_is_refused_and_an_administrator_is_let_in() {
    let place = Place::sqlite();
    let db = opened(&place.url).await;
    let Err(refused) = Db::open(&DatabaseOptions::new(&place.url, Role::Server)).await else {
        panic!("two servers")
    };
    assert!(
        matches!(refused, OpenError::InUse { process: Some(id), .. } if id == std::process::id()),
        "{refused}"
    );
    assert!(refused.to_string().contains("another server is using"), "{refused}");
    let command = admin(&place).await;
    run(&command, "UPDATE counters SET value = 5").await;
    let seen: i64 = query(sql!("SELECT value FROM counters")).one(&db).await.unwrap();
    assert_eq!(seen, 5);
    command.close().await.unwrap();
    // The server's locks survive that a command in the same process opened and closed the file.
    run(&db, "UPDATE counters SET value = 6").await;
    db.close().await.unwrap();
    let next = open(&place.url).await;
    let seen: i64 = query(sql!("SELECT value FROM counters")).one(&next).await.unwrap();
    assert_eq!(seen, 6);
    next.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_lock_held_by_another_process_is_waited_for_and_then_given_up() {
    let place = Place::sqlite();
    let db = opened(&place.url).await;
    let command = admin(&place).await;
    let held = Arc::new(Notify::new());
    let hold = |time: Duration| {
        let (command, held) = (command.clone(), held.clone());
        tokio::spawn(async move {
            let held = &held;
            let work = command.transact(|tx| {
                Box::pin(async move {
                    query(sql!("UPDATE counters SET value = 1")).execute(tx).await?;
                    held.notify_one();
                    tokio::time::sleep(time).await;
                    Ok::<(), StoreError>(())
                })
            });
            work.await.unwrap();
        })
    };
    let short = hold(Duration::from_millis(300));
    held.notified().await;
    run(&db, "UPDATE counters SET value = value + 1").await;
    short.await.unwrap();
    let seen: i64 = query(sql!("SELECT value FROM counters")).one(&db).await.unwrap();
    assert_eq!(seen, 2, "it came after the holder");
    let long = hold(Duration::from_secs(4));
    held.notified().await;
    let refused = query(sql!("UPDATE counters SET value = 9")).execute(&db).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(!long.is_finished(), "it was given up while the other still held on");
    long.await.unwrap();
    run(&db, "UPDATE counters SET value = 10").await;
    command.close().await.unwrap();
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_sync_nothing_is_written_any_more() {
    let place = Place::sqlite();
    let db = opened(&place.url).await;
    std::fs::remove_file(with_suffix(&path_of(&place), "-wal")).unwrap();
    let first =
        db.transact(|tx| Box::pin(async move { query(sql!("UPDATE counters SET value = 98")).execute(tx).await }));
    assert!(
        matches!(first.await, Err(StoreError::Unavailable(_))),
        "its sync failed"
    );
    let later = query(sql!("UPDATE counters SET value = 99")).execute(&db).await;
    assert!(
        matches!(later, Err(StoreError::Unavailable(_))),
        "no later one is tried"
    );
    assert!(matches!(db.settled().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(db.check_writable().await, Err(StoreError::Unavailable(_))));
    let failed = timeout(Duration::from_secs(10), db.failed()).await.unwrap();
    assert!(matches!(failed, StoreError::Unavailable(_)));
    assert!(db.close().await.is_err());
    assert!(!with_suffix(&path_of(&place), "-wal").exists(), "no log was made anew");
}

#[tokio::test]
async fn a_statement_of_its_own_waits_for_its_sync_too() {
    let place = Place::sqlite();
    let db = opened(&place.url).await;
    std::fs::remove_file(with_suffix(&path_of(&place), "-wal")).unwrap();
    let write = query(sql!("UPDATE counters SET value = 99")).execute(&db).await;
    assert!(matches!(write, Err(StoreError::Unavailable(_))), "{write:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_bounded_under_steady_writing() {
    let place = Place::sqlite();
    let db = opened(&place.url).await;
    run(&db, "CREATE TABLE blobs (id BIGINT PRIMARY KEY, bytes BYTEA)").await;
    let log = with_suffix(&path_of(&place), "-wal");
    let mut longest = 0;
    // Each round differs, because SQLite does not write unchanged pages.
    for round in 0..200_u8 {
        let tasks: Vec<_> = (0..8)
            .map(|id| tokio::spawn(write_blob(db.clone(), id, round)))
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        longest = longest.max(std::fs::metadata(&log).unwrap().len());
    }
    let written = 200 * 8 * SIZE as u64;
    assert!(
        longest < written / 3,
        "{longest} bytes of log for {written} bytes written"
    );
    db.close().await.unwrap();
}

const SIZE: usize = 256 << 10;

async fn write_blob(db: Db, id: i64, fill: u8) {
    let write =
        sql!("INSERT INTO blobs (id, bytes) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes");
    query(write).bind(id).bind(vec![fill; SIZE]).execute(&db).await.unwrap();
}

#[tokio::test]
async fn foreign_keys_hold() {
    let place = Place::sqlite();
    let db = opened(&place.url).await;
    run(
        &db,
        "CREATE TABLE children (id BIGINT PRIMARY KEY, counter BIGINT NOT NULL REFERENCES counters (id))",
    )
    .await;
    let orphan = query(sql!("INSERT INTO children (id, counter) VALUES (1, 77)"))
        .execute(&db)
        .await;
    assert!(matches!(orphan, Err(StoreError::Database(_))), "{orphan:?}");
    db.close().await.unwrap();
}
