//! Changes to the log are detected, and the changed entry is named.

use std::time::Duration;

use countersign::core::caller::Caller;
use countersign::features::operations::audit::chain::{
    AuditCheckpointClaims, LogSummary, LogVerifier, RowName, SealedRow, Tampering, genesis,
};
use countersign::features::operations::audit::{Event, EventKind, Piece, VerifyError, record_alone};
use countersign_jose::{Claims, SigningKey, decode_without_verifying};
use countersign_store::{StoreError, query, sql};
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use serde_json::json;

/// Verifies the log of a server with the keys of its folder.
pub(super) async fn verify(server: &TestServer) -> Result<LogSummary, Tampering> {
    judged(server, verifier(server)).await
}

fn verifier(server: &TestServer) -> LogVerifier {
    LogVerifier::new(server.services.keys.public_keys())
}

async fn judged(server: &TestServer, verifier: LogVerifier) -> Result<LogSummary, Tampering> {
    match server.services.audit.verify(verifier).await {
        Ok(sound) => Ok(sound),
        Err(VerifyError::Tampered(tampering)) => Err(tampering),
        Err(VerifyError::Store(error)) => panic!("{error}"),
    }
}

/// A server whose log has nine rows and three checkpoints, each over three rows.
async fn sealed(database: Database) -> TestServer {
    let server = TestServer::start(database).await;
    for name in ["ada", "grace", "edith"] {
        server.user(name).await;
        server
            .post(
                "/api/auth/login",
                json!({ "email": format!("{name}@example.com"), "password": "wrong" }),
            )
            .await;
        assert_eq!(server.services.audit.seal().await.unwrap(), 3);
    }
    let sound = verify(&server).await.unwrap();
    assert_eq!((sound.rows, sound.checkpoints, sound.last, sound.erased), (9, 3, 9, 0));
    server
}

/// The rows and the checkpoints of the log.
async fn contents(server: &TestServer) -> (Vec<SealedRow>, Vec<(i64, String)>) {
    let (mut rows, mut checkpoints) = (Vec::new(), Vec::new());
    let take = |piece| {
        match piece {
            Piece::Row(row) => rows.push(row),
            Piece::Checkpoint { seq, token } => checkpoints.push((seq, token)),
            Piece::Base(_) | Piece::Unsealed(_) => {}
        }
        Ok::<_, StoreError>(())
    };
    server.services.audit.read(take).await.unwrap();
    (rows, checkpoints)
}

fn name(row: &SealedRow) -> RowName {
    RowName {
        seq: row.seq,
        id: row.id,
    }
}

macro_rules! alter {
    ($server:expr, $sql:literal $(, $value:expr)*) => {
        query(sql!($sql))$(.bind($value))*.execute(&$server.services.db).await.unwrap()
    };
}

#[apply(on_both_databases!)]
async fn a_changed_row_is_named(database: Database) {
    let server = sealed(database).await;
    let (rows, _) = contents(&server).await;
    alter!(server, "UPDATE audit_events SET kind = 'nothing' WHERE seq = 3");
    assert_eq!(verify(&server).await, Err(Tampering::Changed(name(&rows[2]))));
    alter!(server, "UPDATE audit_events SET kind = $1 WHERE seq = 3", &rows[2].kind);
    verify(&server).await.unwrap();
    // A value that is only included in the hash through its commitment.
    alter!(server, "UPDATE audit_events SET address = '203.0.113.9' WHERE seq = 5");
    assert_eq!(verify(&server).await, Err(Tampering::Changed(name(&rows[4]))));
}

#[apply(on_both_databases!)]
async fn a_removed_row_is_named_also_if_the_others_move_up(database: Database) {
    let server = sealed(database).await;
    alter!(server, "DELETE FROM audit_events WHERE seq = 5");
    assert_eq!(verify(&server).await, Err(Tampering::Removed(5)));
    alter!(server, "UPDATE audit_events SET seq = seq - 1 WHERE seq = 6");
    assert_eq!(verify(&server).await, Err(Tampering::Removed(5)));
}

#[apply(on_both_databases!)]
async fn an_inserted_row_is_named_also_if_the_others_move_down(database: Database) {
    let server = sealed(database).await;
    let (rows, _) = contents(&server).await;
    alter!(server, "DROP INDEX audit_events_by_seq");
    let id = uuid::Uuid::from_u128(7);
    alter!(
        server,
        "INSERT INTO audit_events (id, at, kind, outcome, actor, request_id, seq, salt, particulars, hash)
         SELECT $1, at, kind, outcome, actor, request_id, seq, salt, particulars, hash FROM audit_events WHERE seq = 5",
        id
    );
    let inserted = RowName {
        id: countersign::core::ids::AuditId(id),
        ..name(&rows[4])
    };
    assert_eq!(verify(&server).await, Err(Tampering::Inserted(inserted)));
    alter!(server, "UPDATE audit_events SET seq = 6 WHERE seq = 5 AND id <> $1", id);
    assert_eq!(verify(&server).await, Err(Tampering::Inserted(inserted)));
    alter!(server, "DELETE FROM audit_events WHERE id = $1", id);
    alter!(server, "UPDATE audit_events SET seq = 5 WHERE id = $1", rows[4].id);
    verify(&server).await.unwrap();
    // After the end of the sealed part.
    alter!(
        server,
        "INSERT INTO audit_events (id, at, kind, outcome, actor, request_id, seq, salt, particulars, hash)
         SELECT $1, at, kind, outcome, actor, request_id, 10, salt, particulars, hash FROM audit_events WHERE seq = 9",
        id
    );
    assert_eq!(
        verify(&server).await,
        Err(Tampering::Inserted(RowName { seq: 10, ..inserted }))
    );
}

#[apply(on_both_databases!)]
async fn rows_in_another_order_are_named(database: Database) {
    let server = sealed(database).await;
    let (rows, _) = contents(&server).await;
    for (from, to) in [(4, 0), (5, 4), (0, 5)] {
        alter!(server, "UPDATE audit_events SET seq = $2 WHERE seq = $1", from, to);
    }
    let moved = RowName {
        seq: 4,
        ..name(&rows[4])
    };
    assert_eq!(verify(&server).await, Err(Tampering::Moved(moved)));
}

#[apply(on_both_databases!)]
async fn a_forged_checkpoint_is_named(database: Database) {
    let server = sealed(database).await;
    let (_, checkpoints) = contents(&server).await;
    let stranger = SigningKey::generate().unwrap();
    let claims = decode_without_verifying(&checkpoints[1].1).unwrap().claims;
    let forged = stranger.sign(AuditCheckpointClaims::TYPE, &claims).unwrap();
    // In the middle: the next checkpoint does not match it.
    alter!(server, "UPDATE audit_checkpoints SET token = $1 WHERE seq = 6", &forged);
    assert_eq!(
        verify(&server).await,
        Err(Tampering::Forged(9, "it names a different predecessor"))
    );
    // With a header that claims to be signed with one of our keys.
    let header = checkpoints[1].1.split('.').next().unwrap();
    let (_, rest) = forged.split_once('.').unwrap();
    alter!(
        server,
        "UPDATE audit_checkpoints SET token = $1 WHERE seq = 6",
        format!("{header}.{rest}")
    );
    assert_eq!(
        verify(&server).await,
        Err(Tampering::Forged(6, "its signature is invalid"))
    );
    alter!(
        server,
        "UPDATE audit_checkpoints SET token = $1 WHERE seq = 6",
        &checkpoints[1].1
    );
    // At the end: its key is unknown.
    let claims = decode_without_verifying(&checkpoints[2].1).unwrap().claims;
    let forged = stranger.sign(AuditCheckpointClaims::TYPE, &claims).unwrap();
    alter!(server, "UPDATE audit_checkpoints SET token = $1 WHERE seq = 9", &forged);
    assert_eq!(
        verify(&server).await,
        Err(Tampering::UnknownKey(stranger.kid().to_owned()))
    );
    alter!(server, "UPDATE audit_checkpoints SET token = 'x' WHERE seq = 9");
    assert_eq!(verify(&server).await, Err(Tampering::Forged(9, "it cannot be read")));
}

#[apply(on_both_databases!)]
async fn a_chain_that_was_computed_anew_does_not_lead_to_its_checkpoint(database: Database) {
    let server = sealed(database).await;
    let (mut rows, _) = contents(&server).await;
    rows[1].outcome = "nothing".to_owned();
    let mut hash = genesis();
    for row in &mut rows[..3] {
        row.hash = row.hash_at(row.seq, hash);
        hash = row.hash;
        alter!(
            server,
            "UPDATE audit_events SET outcome = $2, hash = $3 WHERE id = $1",
            row.id,
            &row.outcome,
            row.hash
        );
    }
    assert_eq!(verify(&server).await, Err(Tampering::Rewritten(1, 3)));
}

#[apply(on_both_databases!)]
async fn a_removed_tail_is_seen_with_a_kept_checkpoint_and_only_so(database: Database) {
    let server = sealed(database).await;
    let (_, checkpoints) = contents(&server).await;
    let against = |at: usize| verifier(&server).against(&checkpoints[at].1).unwrap();
    for kept in 0..3 {
        judged(&server, against(kept)).await.unwrap();
    }
    alter!(server, "DELETE FROM audit_events WHERE seq > 6");
    alter!(server, "DELETE FROM audit_checkpoints WHERE seq > 6");
    // Accounts whose registration was removed are detected, until they are removed as well.
    while let Err(found) = verify(&server).await {
        let Tampering::Unregistered(account) = found else {
            panic!("{found}")
        };
        alter!(server, "DELETE FROM accounts WHERE id = $1", account);
    }
    judged(&server, against(1)).await.unwrap();
    assert_eq!(judged(&server, against(2)).await, Err(Tampering::Tail(6, 9)));
    // An attacker with the key can continue the chain with another history.
    server.user("barbara").await;
    server
        .post(
            "/api/auth/login",
            json!({ "email": "barbara@example.com", "password": "wrong" }),
        )
        .await;
    assert_eq!(server.services.audit.seal().await.unwrap(), 3);
    verify(&server).await.unwrap();
    assert_eq!(judged(&server, against(2)).await, Err(Tampering::OtherHistory(9)));
    assert_eq!(verifier(&server).against("none").err(), Some(Tampering::NoCheckpoint));
}

#[apply(on_both_databases!)]
async fn what_another_version_wrote_is_sealed_like_all_else(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    let id = uuid::Uuid::from_u128(7);
    alter!(server,
        "INSERT INTO audit_events (id, at, kind, outcome, actor, account_id, address, request_id)
         SELECT $1, at, 'other', outcome, actor, account_id, address, request_id FROM audit_events WHERE kind = 'sign_in'",
        id);
    assert_eq!(server.services.audit.seal().await.unwrap(), 3);
    assert_eq!(verify(&server).await.unwrap().rows, 3);
    // All of one account, under one pseudonym.
    let (rows, _) = contents(&server).await;
    assert!(
        rows[0].subject.is_some() && rows.iter().all(|row| row.subject == rows[0].subject),
        "{rows:?}"
    );
}

#[apply(on_both_databases!)]
async fn a_101_old_entries_are_removed_and_the_rest_still_verifies(database: Database) {
    let server = sealed(database).await;
    let day = Duration::from_secs(24 * 60 * 60);
    let (_, checkpoints) = contents(&server).await;
    server.services.clock.advance(399 * day);
    server.services.audit.retire().await.unwrap();
    assert_eq!(verify(&server).await.unwrap().rows, 9);
    server.user("barbara").await;
    server.services.audit.seal().await.unwrap();
    server.services.clock.advance(2 * day);
    // The intention is sealed before anything is removed.
    server.services.audit.retire().await.unwrap();
    server.services.audit.retire().await.unwrap();
    assert_eq!(verify(&server).await.unwrap().rows, 11);
    server.services.audit.seal().await.unwrap();
    server.services.audit.retire().await.unwrap();
    let sound = verify(&server).await.unwrap();
    assert_eq!((sound.rows, sound.removed_through, sound.last), (3, 9, 12));
    judged(&server, verifier(&server).against(&checkpoints[0].1).unwrap())
        .await
        .unwrap();
    // More than was announced.
    alter!(server, "DELETE FROM audit_events WHERE seq <= 11");
    assert_eq!(verify(&server).await, Err(Tampering::Removed(10)));
    alter!(server, "DELETE FROM audit_checkpoints WHERE seq < 11");
    assert_eq!(verify(&server).await, Err(Tampering::Removed(10)));
}

#[apply(on_both_databases!)]
async fn concurrent_sealing_seals_each_row_once_and_blocks_no_writer(database: Database) {
    let server = TestServer::start(database).await;
    let mut contexts = vec![server.services.clone()];
    if database == Database::Postgres {
        contexts.push(server.another_node().await);
    }
    let (db, clock) = (server.services.db.clone(), server.services.clock.clone());
    let writers = (0..5).map(|_| {
        let (db, clock) = (db.clone(), clock.clone());
        tokio::spawn(async move {
            for _ in 0..40 {
                let caller = Caller::server();
                let event = Event::new(EventKind::ServerStarted, None, &caller);
                record_alone(&db, &clock, event).await.unwrap();
            }
        })
    });
    let sealers = (0..4).map(|at: usize| {
        let services = contexts[at % contexts.len()].clone();
        tokio::spawn(async move {
            let mut sealed = 0;
            for _ in 0..40 {
                sealed += services.audit.seal().await.unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            sealed
        })
    });
    let (writers, sealers): (Vec<_>, Vec<_>) = (writers.collect(), sealers.collect());
    for writer in writers {
        writer.await.unwrap();
    }
    let mut sealed = 0;
    for sealer in sealers {
        sealed += sealer.await.unwrap();
    }
    sealed += server.services.audit.seal().await.unwrap();
    let sound = verify(&server).await.unwrap();
    assert_eq!((sound.rows, sound.last, sealed), (200, 200, 200));
}
