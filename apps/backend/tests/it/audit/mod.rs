//! What the audit log remembers.

use countersign::features::audit::of_account;
use countersign_testkit::{Database, PASSWORD, TestServer, on_both_databases};
use serde_json::{Value, json};

on_both_databases! {
    async fn a84_every_event_is_recorded_with_who_when_and_from_where(database: Database) {
        let server = TestServer::start(database).await;
        let pause = || server.context.clock.advance(std::time::Duration::from_secs(1));
        server.post("/api/auth/register", json!({ "email": "ada@example.com", "password": PASSWORD })).await;
        pause();
        let ada = server.sign_in("ada").await;
        pause();
        let id = serde_json::from_value(ada.get("/api/auth/me").await.json()["id"].clone()).unwrap();
        server.post("/api/auth/login", json!({ "email": "ada@example.com", "password": "wrong" })).await;
        pause();
        let change = json!({ "current_password": PASSWORD, "new_password": "a better umbrella" });
        ada.post("/api/auth/change-password", change).await.assert_status(204);
        pause();
        ada.post("/api/auth/logout", Value::Null).await.assert_status(204);

        let entries = of_account(&server.context.db, id, 100).await.unwrap();
        let told: Vec<_> = entries
            .iter()
            .rev()
            .map(|entry| (entry.kind.as_str(), entry.outcome.as_str(), entry.actor.as_str(), entry.address.as_deref()))
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
        assert_eq!(entries[0].at, server.context.clock.now());
    }
}
