//! The account's sessions: listing them, ending them, and how they expire.

use std::time::Duration;

use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use serde_json::Value;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[apply(on_both_databases!)]
async fn a38_sessions_are_listed_and_can_be_ended(database: Database) {
    let server = TestServer::start(database).await;
    let phone = server.user("ada").await;
    server.services.clock.advance(Duration::from_secs(60));
    let laptop = server.sign_in("ada").await;
    let sessions = laptop.get("/api/auth/sessions").await.assert_status(200).json();
    let current: Vec<_> = sessions
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["current"].clone())
        .collect();
    assert_eq!(current, [true, false], "newest first");
    assert_eq!(sessions[1]["address"], "198.51.100.1");

    let path = format!("/api/auth/sessions/{}", sessions[1]["id"].as_str().unwrap());
    laptop.delete(&path, Value::Null).await.assert_status(204);
    laptop.delete(&path, Value::Null).await.assert_problem(404, "not_found");
    phone.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    phone
        .refresh(&phone.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    assert_eq!(
        laptop.get("/api/auth/sessions").await.json().as_array().unwrap().len(),
        1
    );
}

#[apply(on_both_databases!)]
async fn a41_a_user_cannot_end_the_session_of_another(database: Database) {
    let server = TestServer::start(database).await;
    let (ada, eve) = (server.user("ada").await, server.user("eve").await);
    let session = ada.get("/api/auth/sessions").await.json()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    eve.delete(&format!("/api/auth/sessions/{session}"), Value::Null)
        .await
        .assert_problem(404, "not_found");
    eve.delete("/api/auth/sessions/no-id", Value::Null)
        .await
        .assert_problem(404, "not_found");
    ada.get("/api/auth/me").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn the_oldest_goes_when_there_are_too_many(database: Database) {
    let server = TestServer::start_with(database, "[sessions]\nper_account = 2").await;
    let oldest = server.user("ada").await;
    let mut others = Vec::new();
    for _ in 0..2 {
        server.services.clock.advance(Duration::from_secs(1));
        others.push(server.sign_in("ada").await);
    }
    oldest.get("/api/auth/me").await.assert_problem(401, "invalid_token");
    for person in &others {
        person.get("/api/auth/me").await.assert_status(200);
    }
}

#[apply(on_both_databases!)]
async fn a34_a53_sessions_end_when_idle_and_at_their_maximum_age(database: Database) {
    let server = TestServer::start(database).await;
    let idle = server.user("idle").await;
    server.services.clock.advance(30 * DAY);
    idle.refresh(&idle.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");

    // A53: however often it is refreshed, it has an absolute end, and no access token outlives it.
    let mut busy = server.user("busy").await;
    for day in (20..90).step_by(20) {
        server.services.clock.advance(20 * DAY);
        let tokens = busy.refresh(&busy.refresh_token).await.assert_status(200).json();
        assert_eq!(tokens["expires_in"], (90 - day).min(15) * 86_400, "after {day} days");
        busy = busy.with(&tokens);
    }
    server.services.clock.advance(10 * DAY);
    busy.refresh(&busy.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    busy.get("/api/auth/me").await.assert_problem(401, "invalid_token");
}

#[apply(on_both_databases!)]
async fn c49_expiry_does_not_depend_on_the_sweeper_which_removes_only_ended_data(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    let next = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
    server.services.clock.advance(Duration::from_secs(31));
    // A spent token leaves no row to be removed, and its reuse is still detected.
    assert_eq!(server.services.sessions.sweep_once().await.unwrap(), 0);
    ada.refresh(&ada.refresh_token)
        .await
        .assert_problem(401, "invalid_refresh_token");
    ada.with(&next)
        .get("/api/auth/me")
        .await
        .assert_problem(401, "invalid_token");
    // Revoked sessions remain until they would have expired, however often they are swept.
    assert_eq!(server.services.sessions.sweep_once().await.unwrap(), 0);
    server.services.clock.advance(91 * DAY);
    assert_eq!(server.services.sessions.sweep_once().await.unwrap(), 1);
}
