//! Statements: their two spellings, the list of all, and that each can be prepared.

use countersign_store::{DatabaseKind, Db, query, sql, statements};

use crate::place::{both, made, opened, run};

both!(a_mistake_is_found_by_preparing, a_statement_may_be_spelled_twice);

#[test]
fn placeholders_are_translated_and_nothing_else() {
    let statement = sql!("UPDATE t SET a = $1, b = '$' WHERE c = $12");
    assert_eq!(statement.sqlite(), "UPDATE t SET a = ?1, b = '$' WHERE c = ?12");
    assert_eq!(statement.postgres(), "UPDATE t SET a = $1, b = '$' WHERE c = $12");
}

#[test]
fn every_statement_is_listed_with_its_place() {
    let made = sql!("SELECT 'listed'");
    let listed = statements()
        .find(|statement| std::ptr::eq(*statement, made))
        .expect("it is listed");
    assert!(listed.place().contains("statements.rs:"), "{}", listed.place());
    assert!(statements().any(|statement| statement.sqlite().contains("INSERT INTO schema_migrations")));
}

async fn a_mistake_is_found_by_preparing(url: String) {
    let db: Db = opened(&url).await;
    run(
        &db,
        "CREATE TABLE schema_migrations (version BIGINT, name TEXT, checksum TEXT, applied_at BIGINT)",
    )
    .await;
    for own in statements().filter(|statement| statement.place().ends_with("migrate.rs")) {
        db.prepare(own).await.unwrap();
    }
    for mistake in ["SELEC 1", "SELECT value FROM conters", "SELECT valu FROM counters"] {
        let why = db.prepare(made(mistake)).await.unwrap_err().to_string();
        assert!(
            why.contains(mistake.split(' ').next_back().unwrap()) || why.contains("SELEC") || why.contains("valu"),
            "{why}"
        );
    }
    db.close().await.unwrap();
}

async fn a_statement_may_be_spelled_twice(url: String) {
    let db = opened(&url).await;
    let spelled = sql! { sqlite: "SELECT 'sqlite' || $1", postgres: "SELECT 'postgres' || CAST($1 AS TEXT)" };
    let answer: String = query(spelled).bind("!").one(&db).await.unwrap();
    match db.kind() {
        DatabaseKind::Sqlite => assert_eq!(answer, "sqlite!"),
        DatabaseKind::Postgres => assert_eq!(answer, "postgres!"),
    }
    db.close().await.unwrap();
}
