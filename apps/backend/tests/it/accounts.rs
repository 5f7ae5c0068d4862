//! Sign-up, data export, account deletion.

use countersign_testkit::{Database, PASSWORD, TestServer, apply, on_both_databases};
use serde_json::{Value, json};

#[apply(on_both_databases!)]
async fn an_address_is_taken_in_any_spelling(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    for email in ["ada@example.com", "ADA@EXAMPLE.COM", " ada@example.com"] {
        server
            .post("/api/auth/register", json!({ "email": email, "password": PASSWORD }))
            .await
            .assert_problem(409, "email_taken");
    }
}

#[apply(on_both_databases!)]
async fn c22_one_of_many_concurrent_registrations_succeeds(database: Database) {
    let server = TestServer::start(database).await;
    let racers = (0..20).map(|_| {
        server.post(
            "/api/auth/register",
            json!({ "email": "ada@example.com", "password": PASSWORD }),
        )
    });
    let answers = futures_util::future::join_all(racers).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let taken = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((made, taken), (1, 19));
}

#[apply(on_both_databases!)]
async fn what_is_wrong_with_a_registration_is_said(database: Database) {
    let server = TestServer::start(database).await;
    for (email, password, code) in [
        ("ada", PASSWORD, "invalid_email"),
        ("a@b@c.com", PASSWORD, "invalid_email"),
        ("ada@example.com", "7 chars", "password_too_short"),
        ("ada@example.com", "password1", "password_breached"),
        ("ada@example.com", "correcthorsebatterystaple", "password_breached"),
        ("ada@example.com", "ada@example.com", "password_contains_context"),
        ("ada@example.com", "Countersign", "password_contains_context"),
    ] {
        let answer = server
            .post("/api/auth/register", json!({ "email": email, "password": password }))
            .await
            .assert_problem(422, code);
        assert_eq!(answer.json()["errors"][0]["code"], code);
    }
    let long = "a".repeat(129);
    server
        .post(
            "/api/auth/register",
            json!({ "email": "ada@example.com", "password": long }),
        )
        .await
        .assert_problem(422, "password_too_long");
}

#[apply(on_both_databases!)]
async fn c30_users_cannot_verify_or_promote_themselves(database: Database) {
    let server = TestServer::start(database).await;
    let body = json!({
        "email": "eve@example.com", "password": PASSWORD, "email_verified": true, "disabled": false,
        "id": "00000000-0000-7000-8000-000000000000", "scope": "admin", "scopes": ["admin"], "role": "admin",
    });
    let refused = server
        .post("/api/auth/register", body)
        .await
        .assert_problem(422, "validation_failed")
        .json();
    let errors = refused["errors"].as_array().unwrap();
    assert!(
        errors.len() == 6 && errors.iter().all(|error| error["code"] == "unknown_field"),
        "{errors:?}"
    );
    let body = json!({ "email": "eve@example.com", "password": PASSWORD });
    let user = server.post("/api/auth/register", body).await.assert_status(201).json();
    assert_eq!(user["email_verified"], false);
    let token = server
        .post(
            "/api/auth/login",
            json!({ "email": "eve@example.com", "password": PASSWORD }),
        )
        .await;
    assert_eq!(token.json()["scope"], Value::Null);
}

#[apply(on_both_databases!)]
async fn x47_signing_up_can_be_closed(database: Database) {
    let server = TestServer::start_with(database, "signup = \"closed\"").await;
    server
        .post(
            "/api/auth/register",
            json!({ "email": "ada@example.com", "password": PASSWORD }),
        )
        .await
        .assert_problem(403, "signup_closed");
}

#[apply(on_both_databases!)]
async fn a94_x6_deleting_an_account_frees_its_email_address(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let before = ada.get("/api/auth/me").await.json();
    ada.delete("/api/auth/me", json!({ "password": "wrong" }))
        .await
        .assert_problem(403, "invalid_credentials");
    ada.delete("/api/auth/me", json!({ "password": PASSWORD }))
        .await
        .assert_status(204);
    ada.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    ada.refresh(&ada.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");

    let again = server.user("ada").await;
    assert_ne!(again.get("/api/auth/me").await.json()["id"], before["id"]);
    assert_eq!(
        again.get("/api/auth/sessions").await.json().as_array().unwrap().len(),
        1
    );
}

#[apply(on_both_databases!)]
async fn an_export_holds_everything_and_no_secret(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    server.user("eve").await;
    let export = ada.get("/api/auth/me/export").await.assert_status(200);
    let body = export.json();
    assert_eq!(body["user"]["email"], "ada@example.com");
    assert_eq!(body["updated_at"], body["user"]["created_at"]);
    assert_eq!(body["events_complete"], true);
    assert_eq!(body["sessions"].as_array().unwrap().len(), 1);
    let events = body["events"].as_array().unwrap();
    let mut kinds: Vec<_> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["account.exported", "account.registered", "sign_in"]);
    for secret in ["argon2", "eve@", "csr_", PASSWORD] {
        assert!(!export.text.contains(secret), "{secret} is in the export");
    }
}
