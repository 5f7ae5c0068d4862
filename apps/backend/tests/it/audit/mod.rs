//! What the audit log records, and that changes to it are detected.

mod callers;
mod chain;
mod commands;
mod tampering;

use std::time::Duration;

use countersign::core::ids::AccountId;
use countersign::features::operations::audit::{EventKind, Filter, of_account};
use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

/// Advances the clock by a second, so that the order of events is certain.
fn pause(server: &TestServer) {
    server.services.clock.advance(Duration::from_secs(1));
}

/// Every entry, newest first.
fn everything() -> Filter {
    Filter {
        account: None,
        kind: None,
        since: countersign::core::clock::Timestamp(0),
        until: countersign::core::clock::Timestamp(i64::MAX),
        limit: 10_000,
    }
}

#[apply(on_both_databases!)]
async fn a84_every_event_is_recorded_with_actor_time_and_origin(database: Database) {
    let server = TestServer::start(database).await;
    server
        .post(
            "/api/auth/register",
            json!({ "email": "ada@example.com", "password": PASSWORD }),
        )
        .await;
    pause(&server);
    let ada = server.sign_in("ada").await;
    pause(&server);
    let id = serde_json::from_value(ada.get("/api/auth/me").await.json()["id"].clone()).unwrap();
    server
        .post(
            "/api/auth/login",
            json!({ "email": "ada@example.com", "password": "wrong" }),
        )
        .await;
    pause(&server);
    // Both sealed and unsealed entries are found.
    server.services.audit.seal().await.unwrap();
    let change = json!({ "current_password": PASSWORD, "new_password": "a better umbrella" });
    ada.post("/api/auth/change-password", change).await.assert_status(204);
    pause(&server);
    ada.post("/api/auth/logout", Value::Null).await.assert_status(204);

    let entries = of_account(&server.services.db, id, 100).await.unwrap();
    let told: Vec<_> = entries
        .iter()
        .rev()
        .map(|entry| {
            (
                entry.kind.as_str(),
                entry.outcome.as_str(),
                entry.actor.as_str(),
                entry.address.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("account.registered", "success", "account", Some("192.0.2.1")),
            ("sign_in", "success", "account", Some("198.51.100.1")),
            ("sign_in", "failure", "anyone", Some("192.0.2.1")),
            ("password.changed", "success", "account", Some("198.51.100.1")),
            ("session.revoked", "success", "account", Some("198.51.100.1")),
        ]
    );
    assert_eq!(entries[0].at, server.services.clock.now());
    let listed = server
        .services
        .audit
        .list(&Filter {
            account: Some(id),
            ..everything()
        })
        .await
        .unwrap();
    assert_eq!(listed.len(), 5);
    assert!(listed[0].seq.is_none() && listed[4].seq == Some(1), "{listed:?}");
    let sign_ins = Filter {
        kind: Some(EventKind::SignIn),
        limit: 1,
        ..everything()
    };
    let listed = server.services.audit.list(&sign_ins).await.unwrap();
    assert_eq!((listed.len(), listed[0].outcome.as_str()), (1, "failure"));
}

#[apply(on_both_databases!)]
async fn a84_a_flood_of_refused_requests_is_one_entry_with_a_count(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nlogin_per_address = \"3/1m\"").await;
    for _ in 0..20 {
        server
            .post(
                "/api/auth/login",
                json!({ "email": "ada@example.com", "password": "wrong" }),
            )
            .await;
    }
    server.services.audit.write_refusals().await.unwrap();
    server.services.audit.write_refusals().await.unwrap();
    let refused = Filter {
        kind: Some(EventKind::Refused),
        ..everything()
    };
    let listed = server.services.audit.list(&refused).await.unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(
        listed[0].detail.as_deref(),
        Some("429 POST /api/auth/login: 17 in 10 s")
    );
    assert_eq!(
        (listed[0].address.as_deref(), listed[0].actor.as_str()),
        (Some("192.0.2.1"), "anyone")
    );
}

#[apply(on_both_databases!)]
async fn a_deleted_user_is_in_the_log_under_a_pseudonym(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let id: AccountId = serde_json::from_value(ada.get("/api/auth/me").await.json()["id"].clone()).unwrap();
    let grace = server.user("grace").await;
    server.services.audit.seal().await.unwrap();
    ada.delete("/api/auth/me", json!({ "password": PASSWORD }))
        .await
        .assert_status(204);
    let of_ada = Filter {
        account: Some(id),
        ..everything()
    };
    assert_eq!(server.services.audit.list(&of_ada).await.unwrap().len(), 3);

    // Not before its last entry is sealed and pending work has ended.
    server.services.clock.advance(Duration::from_secs(300));
    server.services.audit.erase().await.unwrap();
    assert_eq!(server.services.audit.list(&of_ada).await.unwrap().len(), 3);
    server.services.audit.seal().await.unwrap();
    server.services.audit.erase().await.unwrap();

    assert_eq!(server.services.audit.list(&of_ada).await.unwrap().len(), 0);
    let listed = server.services.audit.list(&everything()).await.unwrap();
    let erased: Vec<_> = listed.iter().filter(|entry| entry.account_id.is_none()).collect();
    assert_eq!(erased.len(), 3, "{listed:?}");
    assert!(
        erased
            .iter()
            .all(|entry| entry.address.is_none() && entry.user_agent.is_none())
    );
    let sound = chain::verify(&server).await.unwrap();
    assert_eq!((sound.rows, sound.erased), (5, 3));
    assert_eq!(
        grace.get("/api/auth/me/export").await.assert_status(200).json()["events"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}
