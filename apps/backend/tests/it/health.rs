//! Whether the server is alive and ready, and its metrics.

use axum::body::Body;
use axum::http::Request;
use countersign_store::{query, sql};
use countersign_testkit::{Database, Launch, ScratchDatabase, TestServer, on_both_databases};
use http_body_util::BodyExt;
use tower::ServiceExt;

on_both_databases! {
    async fn alive_and_ready(database: Database) {
        let server = TestServer::start(database).await;
        assert_eq!(server.get("/healthz").await.assert_status(200).text, "ok\n");
        assert_eq!(server.get("/readyz").await.assert_status(200).text, "ready\n");
        countersign::core::server::Shutdown::new(server.context.readiness.clone()).begin();
        server.get("/healthz").await.assert_status(200);
        let answer = server.get("/readyz").await.assert_problem(503, "unavailable");
        assert_eq!(answer.header("retry-after"), "1");
    }

    async fn without_a_key_to_sign_with_it_is_not_ready(database: Database) {
        let server = TestServer::start(database).await;
        // As another server revokes it, which this one learns from the database.
        query(sql!("UPDATE signing_keys SET revoked_at = 1")).execute(&server.context.db).await.unwrap();
        server.context.keys.refresh().await;
        server.get("/readyz").await.assert_problem(503, "unavailable");
        server.get("/healthz").await.assert_status(200);
    }

    async fn metrics_tell_of_requests_sign_ins_and_hashing(database: Database) {
        let server = TestServer::start(database).await;
        let ada = server.user("ada").await;
        ada.refresh(&ada.refresh_token).await.assert_status(200);
        ada.refresh("csr_nonsense").await.assert_status(401);
        server.get("/somewhere/else").await.assert_status(404);
        let router = countersign::features::health::metrics_router(server.context.clone());
        let answer = router.oneshot(Request::get("/metrics").body(Body::empty()).unwrap()).await.unwrap();
        let text = String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
        for line in [
            "countersign_logins_total{outcome=\"success\"} 1",
            "countersign_refreshes_total{outcome=\"success\"} 1",
            "countersign_refreshes_total{outcome=\"invalid\"} 1",
            "countersign_hashing_queue_depth 0",
            "countersign_database_connections ",
            "route=\"/api/auth/login\"",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(!text.contains("somewhere"), "a path that nobody defined became a label");
        server.get("/metrics").await.assert_problem(404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_tells_whether_the_server_is_ready() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let server = Launch::new(env!("CARGO_BIN_EXE_countersign"), &scratch).start().await;
    let listen = server.address.to_string();
    let ask = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"));
        let command = command.args(["health", "--listen", &listen]).env_clear();
        command.current_dir(scratch.folder()).output().unwrap()
    };
    assert!(ask().status.success());
    server.kill();
    let answer = ask();
    assert_eq!(answer.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&answer.stderr).contains("nobody answers"));
}
