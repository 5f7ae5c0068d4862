//! An attacker who can write to every table of the log but does not have the key: each column of each table is tried,
//! and nothing that the server does afterwards hides it.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign::core::caller::Caller;
use countersign::core::ids::AccountId;
use countersign::features::operations::audit::chain::{AuditCheckpointClaims, LogSummary, LogVerifier, Tampering};
use countersign::features::operations::audit::{Event, EventKind, Filter, record_alone};
use countersign_jose::{Claims, SigningKey, decode_without_verifying};
use countersign_store::{ColumnKind, Piece, Table, Value, query, sql};
use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::json;

/// Columns in which a change is not detected, with the reason why it does no harm. docs/guides/audit.md says the same.
const HARMLESS: [(&str, &str, &str); 5] = [
    (
        "audit_head",
        "revision",
        "it only keeps two servers from sealing at once",
    ),
    (
        "audit_checkpoints",
        "sealed_at",
        "for people; what counts is the signed time",
    ),
    (
        "audit_checkpoints",
        "sent_at",
        "it is posted again, or not at all: a later one vouches for it",
    ),
    (
        "audit_erasures",
        "account_id",
        "an account is only forgotten after its deletion is sealed",
    ),
    (
        "audit_erasures",
        "asked_at",
        "an account is only forgotten after its deletion is sealed",
    ),
];

/// A table with its rows.
#[derive(Clone)]
struct Copied {
    table: Table,
    rows: Vec<Vec<Value>>,
}

type Copy = BTreeMap<String, Copied>;

/// The complete tables of the log.
async fn copy(server: &TestServer) -> Copy {
    let mut copy = Copy::new();
    let mut current = String::new();
    let mut pieces = server.services.db.read_whole();
    loop {
        match pieces.next().await.unwrap() {
            Piece::Table(table) => {
                current = table.name.clone();
                copy.insert(
                    current.clone(),
                    Copied {
                        table,
                        rows: Vec::new(),
                    },
                );
            }
            Piece::Rows(rows) => copy.get_mut(&current).unwrap().rows.extend(rows),
            Piece::End => break,
        }
    }
    copy.retain(|name, _| name.starts_with("audit_"));
    copy
}

async fn rows_of(server: &TestServer, wanted: &str) -> Vec<Vec<Value>> {
    let (mut found, mut is_wanted) = (Vec::new(), false);
    let mut pieces = server.services.db.read_whole();
    loop {
        match pieces.next().await.unwrap() {
            Piece::Table(table) => is_wanted = table.name == wanted,
            Piece::Rows(rows) if is_wanted => found.extend(rows),
            Piece::Rows(_) => {}
            Piece::End => return found,
        }
    }
}

/// Replaces a table's rows. Returns false if the database refuses them.
async fn put(server: &TestServer, copied: &Copied) -> bool {
    server.services.db.clear(&copied.table).await.unwrap();
    server.services.db.write_rows(&copied.table, &copied.rows).await.is_ok()
}

async fn put_all(server: &TestServer, copy: &Copy) {
    for copied in copy.values() {
        assert!(put(server, copied).await);
    }
}

/// The result of `audit verify` after the server has run for some minutes.
async fn verdict(server: &TestServer) -> Result<LogSummary, String> {
    verdict_of(server, LogVerifier::new(server.services.keys.public_keys())).await
}

async fn verdict_of(server: &TestServer, verifier: LogVerifier) -> Result<LogSummary, String> {
    for _ in 0..2 {
        server.services.clock.advance(Duration::from_secs(300));
        let caller = Caller::server();
        let event = Event::new(EventKind::ServerStarted, None, &caller);
        record_alone(&server.services.db, &server.services.clock, event)
            .await
            .unwrap();
        // If the log is inconsistent, it reports that and does nothing.
        let _ = server.services.audit.seal().await;
        let _ = server.services.audit.erase().await;
        let _ = server.services.audit.retire().await;
    }
    let sound = server.services.audit.verify(verifier).await;
    sound.map_err(|error| error.to_string())
}

/// A log with every case: existing users, one whose deletion is sealed, and one who has been erased.
async fn log(database: Database) -> TestServer {
    let server = TestServer::start(database).await;
    for name in ["ada", "grace", "edith"] {
        let person = server.user(name).await;
        let wrong = json!({ "email": format!("{name}@example.com"), "password": "wrong" });
        server.post("/api/auth/login", wrong).await;
        server.services.audit.seal().await.unwrap();
        if name != "ada" {
            person
                .delete("/api/auth/me", json!({ "password": PASSWORD }))
                .await
                .assert_status(204);
            server.services.audit.seal().await.unwrap();
        }
        if name == "grace" {
            server.services.clock.advance(Duration::from_secs(300));
            server.services.audit.erase().await.unwrap();
        }
    }
    server.user("barbara").await;
    server.services.audit.seal().await.unwrap();
    server
}

/// Other values for a cell.
fn others(value: &Value, kind: ColumnKind) -> Vec<Value> {
    let mut others = match value {
        Value::Text(text) => vec![Value::Text(format!("{text}x"))],
        Value::Int(number) => vec![
            Value::Int(number + 1),
            Value::Int(number + 1_000_000),
            Value::Int(number - 1),
            Value::Int(i64::MAX),
        ],
        Value::Bytes(bytes) => {
            let mut bytes = bytes.clone();
            bytes[0] ^= 1;
            vec![Value::Bytes(bytes)]
        }
        Value::Uuid(id) => vec![Value::Uuid(uuid::Uuid::from_u128(id.as_u128() ^ 1))],
        Value::Bool(is) => vec![Value::Bool(!is)],
        Value::Null => match kind {
            ColumnKind::Text => vec![Value::Text("x".to_owned())],
            ColumnKind::Int => vec![Value::Int(1)],
            ColumnKind::Bytes => vec![Value::Bytes(vec![0; 16]), Value::Bytes(vec![0; 32])],
            ColumnKind::Uuid => vec![Value::Uuid(uuid::Uuid::from_u128(7))],
            ColumnKind::Bool => vec![Value::Bool(true)],
        },
    };
    if !matches!(value, Value::Null) {
        others.push(Value::Null);
    }
    others
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Int(one), Value::Int(other)) => one == other,
        (Value::Text(one), Value::Text(other)) => one == other,
        (Value::Bytes(one), Value::Bytes(other)) => one == other,
        (Value::Uuid(one), Value::Uuid(other)) => one == other,
        _ => false,
    }
}

/// Each way to change a column: another value in a row, and the values of two rows exchanged.
fn attempts(copied: &Copied, column: usize) -> Vec<Copied> {
    let mut attempts = Vec::new();
    let last = copied.rows.len() - 1;
    for row in [0, last / 2, last] {
        for other in others(&copied.rows[row][column], copied.table.columns[column].kind) {
            let mut changed = copied.clone();
            changed.rows[row][column] = other;
            attempts.push(changed);
        }
    }
    let differs = |row: &Vec<Value>| !same(&row[column], &copied.rows[0][column]);
    if let Some(other) = copied.rows.iter().position(differs) {
        let mut changed = copied.clone();
        changed.rows[0][column] = copied.rows[other][column].clone();
        changed.rows[other][column] = copied.rows[0][column].clone();
        attempts.push(changed);
    }
    attempts
}

#[apply(on_both_databases!)]
async fn whatever_column_is_changed_it_is_found(database: Database) {
    let server = log(database).await;
    let whole = copy(&server).await;
    let tables: Vec<_> = whole.keys().map(String::as_str).collect();
    assert_eq!(
        tables,
        [
            "audit_checkpoints",
            "audit_erasures",
            "audit_events",
            "audit_head",
            "audit_subjects"
        ]
    );
    let sound = verdict(&server).await.unwrap();
    assert_eq!((sound.removed_through, sound.erased), (0, 8));
    let (mut missed, mut tried) = (Vec::new(), 0);
    for (name, copied) in &whole {
        assert!(!copied.rows.is_empty(), "{name}");
        for (at, column) in copied.table.columns.iter().enumerate() {
            let harmless = HARMLESS
                .iter()
                .any(|(table, known, _)| (*table, *known) == (name, &column.name));
            for attempt in attempts(copied, at) {
                put_all(&server, &whole).await;
                if !put(&server, &attempt).await {
                    continue;
                }
                tried += 1;
                match verdict(&server).await {
                    Ok(found) if harmless => assert!(
                        found.rows >= sound.rows && found.removed_through == 0 && found.erased <= sound.erased,
                        "{name}.{}: {found:?}",
                        column.name
                    ),
                    // A deleted user is erased only partly: on SQLite a primary key may be null.
                    Ok(found) if name == "audit_subjects" && found.erased < sound.erased => {}
                    Ok(_) => missed.push(format!("{name}.{}", column.name)),
                    Err(why) => assert!(!harmless, "{name}.{}: {why}", column.name),
                }
            }
        }
    }
    assert!(missed.is_empty(), "of {tried} changes these are not found: {missed:?}");
    assert!(tried > 100, "{tried}");
}

#[apply(on_both_databases!)]
async fn a_row_that_goes_or_comes_is_found(database: Database) {
    let server = log(database).await;
    let whole = copy(&server).await;
    let sound = verdict(&server).await.unwrap();
    let mut missed = Vec::new();
    for (name, copied) in &whole {
        for row in 0..copied.rows.len() {
            put_all(&server, &whole).await;
            let mut fewer = copied.clone();
            fewer.rows.remove(row);
            put(&server, &fewer).await;
            match verdict(&server).await {
                // This can only delay or hasten the erasure of a deleted user.
                Ok(found) if name == "audit_erasures" || name == "audit_subjects" => {
                    assert!(found.erased < sound.erased, "row {row} of {name}");
                }
                Ok(_) => missed.push(format!("row {row} of {name}")),
                Err(_) => {}
            }
        }
    }
    assert!(missed.is_empty(), "these may go unseen: {missed:?}");
}

#[apply(on_both_databases!)]
async fn an_entry_before_the_first_place_is_found(database: Database) {
    let server = log(database).await;
    let whole = copy(&server).await;
    let events = &whole["audit_events"];
    let column = |name: &str| {
        events
            .table
            .columns
            .iter()
            .position(|column| column.name == name)
            .unwrap()
    };
    let is_sealed = |row: &&Vec<Value>| matches!(row[column("seq")], Value::Int(1..));
    for place in [0, -1, i64::MIN] {
        put_all(&server, &whole).await;
        let mut more = events.clone();
        let mut row = events.rows.iter().find(is_sealed).unwrap().clone();
        row[column("id")] = Value::Uuid(uuid::Uuid::from_u128(7));
        row[column("seq")] = Value::Int(place);
        more.rows.push(row);
        assert!(put(&server, &more).await);
        // `audit list` shows it like all others.
        let why = verdict(&server).await.unwrap_err();
        assert!(
            why.contains(&format!("row {place} ")) && why.contains("was inserted"),
            "{place}: {why}"
        );
    }
}

#[apply(on_both_databases!)]
async fn one_person_does_not_become_another(database: Database) {
    let server = log(database).await;
    let whole = copy(&server).await;
    let subjects = &whole["audit_subjects"];
    let column = |name: &str| {
        subjects
            .table
            .columns
            .iter()
            .position(|column| column.name == name)
            .unwrap()
    };
    for name in ["account_id", "pseudonym"] {
        let mut swapped = subjects.clone();
        let (first, rest) = swapped.rows.split_at_mut(1);
        std::mem::swap(&mut first[0][column(name)], &mut rest[0][column(name)]);
        assert!(put(&server, &swapped).await);
        let why = verdict(&server).await.unwrap_err();
        assert!(why.contains("audit_subjects"), "{why}");
        put_all(&server, &whole).await;
    }
    verdict(&server).await.unwrap();
}

#[apply(on_both_databases!)]
async fn what_is_asked_of_the_server_without_the_key_it_does_not_sign(database: Database) {
    let server = log(database).await;
    let whole = copy(&server).await;
    let tokens: Vec<String> = server_checkpoints(&whole);
    let kept = tokens.last().unwrap();
    let (place, rows) = (
        verdict(&server).await.unwrap().last,
        verdict(&server).await.unwrap().rows,
    );
    // Rows are marked as old.
    for through in [1, 3, place] {
        query(sql!("UPDATE audit_checkpoints SET sealed_at = 0"))
            .execute(&server.services.db)
            .await
            .unwrap();
        let caller = Caller::server();
        let event = Event::new(EventKind::AuditTrimmed, None, &caller).detail(format!("rows up to {through}"));
        record_alone(&server.services.db, &server.services.clock, event)
            .await
            .unwrap();
        let verifier = LogVerifier::new(server.services.keys.public_keys())
            .against(kept)
            .unwrap();
        let found = verdict_of(&server, verifier).await.unwrap();
        assert!(found.removed_through == 0 && found.rows > rows, "{found:?}");
    }
    // An existing user is marked as deleted.
    let everything = Filter {
        account: None,
        kind: None,
        since: countersign::core::clock::Timestamp(0),
        until: countersign::core::clock::Timestamp(i64::MAX),
        limit: 1000,
    };
    let of = |id: AccountId| Filter {
        account: Some(id),
        ..everything.clone()
    };
    let ada = server.sign_in("ada").await.get("/api/auth/me").await.json()["id"].clone();
    let ada: AccountId = serde_json::from_value(ada).unwrap();
    query(sql!("INSERT INTO audit_erasures (account_id, asked_at) VALUES ($1, 0)"))
        .bind(ada)
        .execute(&server.services.db)
        .await
        .unwrap();
    verdict(&server).await.unwrap();
    assert_eq!(server.services.audit.list(&of(ada)).await.unwrap().len(), 4);
    // A forged deletion has no effect either: it is sealed as written, but nothing is erased, because the account exists.
    let caller = Caller::server();
    record_alone(
        &server.services.db,
        &server.services.clock,
        Event::new(EventKind::AccountDeleted, ada, &caller),
    )
    .await
    .unwrap();
    query(sql!("INSERT INTO audit_erasures (account_id, asked_at) VALUES ($1, 0)"))
        .bind(ada)
        .execute(&server.services.db)
        .await
        .unwrap();
    assert_eq!(verdict(&server).await.unwrap().erased, 8);
    let acts = server.services.audit.list(&of(ada)).await.unwrap();
    assert!(
        acts.len() == 5 && acts.iter().skip(1).all(|act| act.address.is_some()),
        "{acts:?}"
    );
    // The end is signed with another key, in case the server continues from there.
    let mut claims = decode_without_verifying(kept).unwrap().claims;
    for through in [0, place, place + 1, i64::MAX] {
        claims["removed_through"] = through.into();
        let forged = SigningKey::generate()
            .unwrap()
            .sign(AuditCheckpointClaims::TYPE, &claims)
            .unwrap();
        put_all(&server, &whole).await;
        query(sql!("UPDATE audit_checkpoints SET token = $1 WHERE token = $2"))
            .bind(&forged)
            .bind(kept)
            .execute(&server.services.db)
            .await
            .unwrap();
        verdict(&server).await.unwrap_err();
        verdict(&server).await.unwrap_err();
        assert!(
            copy(&server).await["audit_events"].rows.len() > whole["audit_events"].rows.len(),
            "{through}"
        );
    }
}

/// An account is removed, a forged deletion is written and sealed, the server erases the user, and the account is
/// restored: its past actions can no longer be determined.
#[apply(on_both_databases!)]
async fn an_account_that_was_forgotten_and_is_there_again_is_found(database: Database) {
    let server = log(database).await;
    let sound = verdict(&server).await.unwrap();
    let ada = server.sign_in("ada").await.get("/api/auth/me").await.json()["id"].clone();
    let ada: AccountId = serde_json::from_value(ada).unwrap();
    server.services.audit.seal().await.unwrap();
    let accounts = server
        .services
        .db
        .tables()
        .await
        .unwrap()
        .into_iter()
        .find(|table| table.name == "accounts")
        .unwrap();
    let rows = rows_of(&server, "accounts").await;
    let is_ada = |row: &&Vec<Value>| row.iter().any(|value| matches!(value, Value::Uuid(id) if *id == ada.0));
    let taken: Vec<_> = rows.iter().filter(is_ada).cloned().collect();
    assert_eq!(taken.len(), 1);
    let caller = Caller::server();
    record_alone(
        &server.services.db,
        &server.services.clock,
        Event::new(EventKind::AccountDeleted, ada, &caller),
    )
    .await
    .unwrap();
    query(sql!("INSERT INTO audit_erasures (account_id, asked_at) VALUES ($1, 0)"))
        .bind(ada)
        .execute(&server.services.db)
        .await
        .unwrap();
    query(sql!("DELETE FROM accounts WHERE id = $1"))
        .bind(ada)
        .execute(&server.services.db)
        .await
        .unwrap();
    // While the account is gone, it looks like a deleted one.
    assert!(verdict(&server).await.unwrap().erased > sound.erased);
    server.services.db.write_rows(&accounts, &taken).await.unwrap();
    let why = verdict(&server).await.unwrap_err();
    assert!(why.contains(&ada.to_string()), "{why}");
    // Nor does it help if the account is used normally again.
    server.sign_in("ada").await;
    let why = verdict(&server).await.unwrap_err();
    assert!(why.contains(&ada.to_string()), "{why}");
    // So is an account that was inserted into the database manually.
    query(sql!("DELETE FROM accounts WHERE id = $1"))
        .bind(ada)
        .execute(&server.services.db)
        .await
        .unwrap();
    verdict(&server).await.unwrap();
}

/// Neither is reported for properly created accounts, also while their entries are pending and after those have become
/// old.
#[apply(on_both_databases!)]
async fn an_account_with_an_old_or_unsealed_registration_is_not_reported(database: Database) {
    let server = TestServer::start_with(database, "[audit]\nretention = \"30d\"\n").await;
    server.user("ada").await;
    server.services.audit.seal().await.unwrap();
    let verifier = || LogVerifier::new(server.services.keys.public_keys());
    server.user("barbara").await;
    server.services.audit.verify(verifier()).await.unwrap();
    for _ in 0..4 {
        server.services.clock.advance(Duration::from_secs(20 * 24 * 60 * 60));
        verdict(&server).await.unwrap();
    }
    let sound = verdict(&server).await.unwrap();
    assert!(sound.removed_through > 0, "{sound:?}");
    server.sign_in("ada").await;
    verdict(&server).await.unwrap();
}

#[apply(on_both_databases!)]
async fn an_early_removal_is_found_even_if_it_was_signed(database: Database) {
    let server = log(database).await;
    let tokens = server_checkpoints(&copy(&server).await);
    let claims = |token: &str| -> AuditCheckpointClaims {
        serde_json::from_value(decode_without_verifying(token).unwrap().claims).unwrap()
    };
    let (base, newest) = (claims(&tokens[1]), claims(tokens.last().unwrap()));
    let db = &server.services.db;
    query(sql!("DELETE FROM audit_events WHERE seq <= $1"))
        .bind(base.last)
        .execute(db)
        .await
        .unwrap();
    query(sql!("DELETE FROM audit_checkpoints WHERE seq < $1"))
        .bind(base.last)
        .execute(db)
        .await
        .unwrap();
    let age = newest.iat - base.iat;
    let sign = |retention| {
        let claims = AuditCheckpointClaims {
            removed_through: base.last,
            retention,
            ..newest.clone()
        };
        server.services.keys.issue_lasting(&claims).unwrap()
    };
    for retention in [None, Some(age + 1), Some(400 * 24 * 60 * 60)] {
        query(sql!("UPDATE audit_checkpoints SET token = $1 WHERE seq = $2"))
            .bind(sign(retention))
            .bind(newest.last)
            .execute(db)
            .await
            .unwrap();
        let judged = crate::audit::chain::verify(&server).await;
        assert_eq!(
            judged,
            Err(Tampering::RemovedEarly {
                through: base.last,
                age,
                retention
            })
        );
    }
    query(sql!("UPDATE audit_checkpoints SET token = $1 WHERE seq = $2"))
        .bind(sign(Some(age)))
        .bind(newest.last)
        .execute(db)
        .await
        .unwrap();
    assert_eq!(
        crate::audit::chain::verify(&server).await.unwrap().removed_through,
        base.last
    );
    // A saved checkpoint of a removed entry: rejected if it is newer than the expired rows.
    let against = async |token: &str| {
        let verifier = LogVerifier::new(server.services.keys.public_keys())
            .against(token)
            .unwrap();
        server
            .services
            .audit
            .verify(verifier)
            .await
            .map_err(|error| error.to_string())
    };
    against(&tokens[0]).await.unwrap();
    against(&tokens[1]).await.unwrap();
    let young = AuditCheckpointClaims {
        last: base.last - 1,
        iat: base.iat + 1,
        ..base.clone()
    };
    let why = against(&server.services.keys.issue_lasting(&young).unwrap())
        .await
        .unwrap_err();
    assert!(why.contains("is newer than the expired rows"), "{why}");
    let other = AuditCheckpointClaims {
        iat: base.iat - 1,
        ..base.clone()
    };
    let why = against(&server.services.keys.issue_lasting(&other).unwrap())
        .await
        .unwrap_err();
    assert!(why.contains("does not match the saved checkpoint"), "{why}");
}

#[apply(on_both_databases!)]
async fn a_log_goes_on_from_a_key_that_is_gone_and_is_believed_with_that_key(database: Database) {
    let server = log(database).await;
    let (whole, kept) = (copy(&server).await, SigningKey::generate().unwrap());
    let newest = server_checkpoints(&whole).pop().unwrap();
    let claims = decode_without_verifying(&newest).unwrap().claims;
    let signed = kept.sign(AuditCheckpointClaims::TYPE, &claims).unwrap();
    query(sql!("UPDATE audit_checkpoints SET token = $1 WHERE token = $2"))
        .bind(&signed)
        .bind(&newest)
        .execute(&server.services.db)
        .await
        .unwrap();
    let why = verdict(&server).await.unwrap_err();
    assert!(why.contains(kept.kid()) && why.contains("--public-key"), "{why}");
    let mut keys = server.services.keys.public_keys();
    keys.push(kept.verifying_key().clone());
    verdict_of(&server, LogVerifier::new(keys)).await.unwrap();
}

fn server_checkpoints(copy: &Copy) -> Vec<String> {
    let checkpoints = &copy["audit_checkpoints"];
    let token = checkpoints
        .table
        .columns
        .iter()
        .position(|column| column.name == "token")
        .unwrap();
    let text = |row: &Vec<Value>| match &row[token] {
        Value::Text(text) => text.clone(),
        _ => panic!("a token is a text"),
    };
    checkpoints.rows.iter().map(text).collect()
}
