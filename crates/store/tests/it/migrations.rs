//! Migrations are applied once and in order, and unknown ones are refused.

use countersign_store::{Applied, MigrateError, Migration, Schema, StoreError, query, sql};

use crate::place::{both, open, run};

both!(
    two_racers_apply_each_once,
    what_is_missing_is_applied_and_recorded,
    a_changed_or_unknown_or_skipped_migration_is_refused,
    a_failing_migration_leaves_nothing_behind,
);

const FIRST: Migration = Migration {
    version: 1,
    name: "notes",
    sql: "CREATE TABLE notes (id UUID PRIMARY KEY, text TEXT NOT NULL);\nCREATE INDEX notes_text ON notes (text);\n",
};
const SECOND: Migration = Migration {
    version: 2,
    name: "flag",
    sql: "ALTER TABLE notes ADD COLUMN flag BOOLEAN;",
};
const THIRD: Migration = Migration {
    version: 3,
    name: "a row",
    sql: "INSERT INTO notes (id, text) SELECT id, text FROM notes;",
};

async fn two_racers_apply_each_once(url: String) {
    let one = open(&url).await;
    let list = [FIRST, SECOND, THIRD];
    let racers: Vec<_> = (0..4)
        .map(|now| {
            let db = one.clone();
            tokio::spawn(async move { db.migrate(&list, now).await.unwrap().0 })
        })
        .collect();
    let mut applied = Vec::new();
    for racer in racers {
        applied.extend(racer.await.unwrap());
    }
    applied.sort_unstable();
    assert_eq!(applied, [1, 2, 3]);
    one.close().await.unwrap();
}

async fn what_is_missing_is_applied_and_recorded(url: String) {
    let db = open(&url).await;
    assert_eq!(db.pending(&[]).await.unwrap(), Schema::Current);
    assert_eq!(db.pending(&[FIRST, SECOND]).await.unwrap(), Schema::Absent);
    assert_eq!(db.migrate(&[FIRST], 1_000).await.unwrap(), Applied(vec![1]));
    assert_eq!(db.pending(&[FIRST, SECOND]).await.unwrap(), Schema::Behind(1));
    assert_eq!(db.migrate(&[FIRST, SECOND], 2_000).await.unwrap(), Applied(vec![2]));
    assert_eq!(db.migrate(&[FIRST, SECOND], 3_000).await.unwrap(), Applied(vec![]));
    assert_eq!(db.pending(&[FIRST, SECOND]).await.unwrap(), Schema::Current);
    let times = query(sql!("SELECT applied_at FROM schema_migrations ORDER BY version"));
    assert_eq!(times.all::<i64>(&db).await.unwrap(), [1_000, 2_000]);
    db.close().await.unwrap();
}

async fn a_changed_or_unknown_or_skipped_migration_is_refused(url: String) {
    let db = open(&url).await;
    db.migrate(&[FIRST, THIRD], 0).await.unwrap();
    let edited = Migration {
        sql: "CREATE TABLE notes (id UUID PRIMARY KEY)",
        ..FIRST
    };
    assert!(matches!(
        db.migrate(&[edited, THIRD], 0).await,
        Err(MigrateError::Changed { version: 1, .. })
    ));
    let dos = Migration {
        sql: Box::leak(FIRST.sql.replace('\n', "\r\n").into_boxed_str()),
        ..FIRST
    };
    assert_eq!(
        db.pending(&[dos, THIRD]).await.unwrap(),
        Schema::Current,
        "line ends do not count"
    );
    assert!(matches!(db.migrate(&[FIRST], 0).await, Err(MigrateError::Newer(3))));
    assert_eq!(db.pending(&[FIRST]).await.unwrap(), Schema::Newer(3));
    assert!(matches!(
        db.migrate(&[FIRST, SECOND, THIRD], 0).await,
        Err(MigrateError::Disordered(2))
    ));
    assert!(matches!(
        db.migrate(&[THIRD, FIRST], 0).await,
        Err(MigrateError::Disordered(1))
    ));
    db.close().await.unwrap();
}

async fn a_failing_migration_leaves_nothing_behind(url: String) {
    let db = open(&url).await;
    let broken = Migration {
        version: 2,
        name: "broken",
        sql: "CREATE TABLE halves (id BIGINT); CREATE TABLE notes (id BIGINT);",
    };
    match db.migrate(&[FIRST, broken], 0).await {
        Err(MigrateError::Failed {
            version: 2,
            source: StoreError::Database(_),
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(db.pending(&[FIRST, broken]).await.unwrap(), Schema::Behind(1));
    run(&db, "CREATE TABLE halves (id BIGINT)").await;
    db.close().await.unwrap();
}
