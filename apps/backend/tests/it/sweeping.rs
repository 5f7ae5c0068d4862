//! Cleanup during requests. `bench/run --f-21` measures how little it affects them with a million rows.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use countersign::core::ids::SessionId;
use countersign_store::{query, sql};
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use tower::ServiceExt;

/// The maximum number of rows per statement of a sweeper, which determines how long requests wait for the lock. With
/// 500, the p99 of `/me` was three to six times as high as without.
const MOST: i64 = 25;

#[apply(on_both_databases!)]
async fn f21_ended_sessions_are_removed_in_small_batches_between_requests(database: Database) {
    let server = TestServer::start_with(database, "[sessions]\nper_account = 1000").await;
    let gone = MOST + 100;
    server.user("gone").await;
    for _ in 1..gone {
        server.sign_in("gone").await;
    }
    server.services.clock.advance(Duration::from_secs(91 * 24 * 60 * 60));
    let mut ada = server.user("ada").await;
    let count = async || {
        let sessions = query(sql!("SELECT count(*) FROM sessions"));
        sessions.one::<i64>(&server.services.db).await.unwrap()
    };
    let mut left = count().await;
    assert_eq!(left, gone + 1);
    let mut batches = 0;
    while server.services.sessions.sweep_once().await.unwrap() > 0 {
        let before = std::mem::replace(&mut left, count().await);
        assert!(before - left <= MOST, "{} sessions at once", before - left);
        ada.get("/api/auth/me").await.assert_status(200);
        let tokens = ada.refresh(&ada.refresh_token).await.assert_status(200).json();
        ada = ada.with(&tokens);
        batches += 1;
    }
    assert_eq!(left, 1, "what is alive stays");
    assert!(batches > 4, "{gone} rows go in more than four batches");
}

#[apply(on_both_databases!)]
async fn f21_expired_cookies_are_removed_in_small_batches_until_none_is_left(database: Database) {
    let server = TestServer::start(database).await;
    server.user("ada").await;
    let (db, browsers) = (&server.services.db, &server.services.browsers);
    let session: SessionId = query(sql!("SELECT id FROM sessions")).one(db).await.unwrap();
    let gone = MOST + 100;
    for _ in 0..gone {
        browsers.issue(session).await.unwrap();
    }
    server.services.clock.advance(Duration::from_secs(60 * 24 * 60 * 60));
    browsers.issue(session).await.unwrap();
    let mut batches = 0;
    loop {
        match browsers.sweep_once().await.unwrap() {
            0 => break,
            removed => assert!(removed <= MOST.unsigned_abs(), "{removed} cookies at once"),
        }
        batches += 1;
    }
    let left = query(sql!("SELECT count(*) FROM browser_sessions"));
    assert_eq!(left.one::<i64>(db).await.unwrap(), 1, "what is valid stays");
    assert_eq!(batches, gone / MOST);
}

/// After a backup was restored, the bits of all sessions that ever existed are removed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f21_revocations_of_other_nodes_arrive_while_old_bits_are_removed() {
    let server = TestServer::start(Database::Postgres).await;
    let ada = server.user("ada").await;
    let there = server.another_node().await;
    let old_bits = sql!(
        "INSERT INTO revocations (list, idx, revoked_at, number)
         WITH RECURSIVE places (idx) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT idx + 1 FROM places WHERE idx < 100000)
         SELECT 1000, idx, 0, 0 FROM places"
    );
    query(old_bits).execute(&server.services.db).await.unwrap();
    let following = tokio::spawn(there.revocations.clone().follow_forever());
    ada.post("/api/auth/logout", serde_json::Value::Null)
        .await
        .assert_status(204);
    let bearer = format!("Bearer {}", ada.access_token);
    loop {
        let request = Request::get("/api/auth/me").header("authorization", &bearer);
        let request = request.body(Body::empty()).unwrap();
        if countersign::app(there.clone()).oneshot(request).await.unwrap().status() == 401 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let left = query(sql!("SELECT count(*) FROM revocations WHERE list = 1000"));
    let left = left.one::<i64>(&server.services.db).await.unwrap();
    assert!(left > 0, "it was heard of only when all old bits were gone");
    following.abort();
}
