//! Liveness, readiness and metrics.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use countersign_store::{query, sql};
use countersign_testkit::{Database, Launch, ScratchDatabase, TestServer, apply, on_both_databases};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use crate::probes::exchange;

#[apply(on_both_databases!)]
async fn alive_and_ready(database: Database) {
    let server = TestServer::start(database).await;
    assert_eq!(server.get("/healthz").await.assert_status(200).text, "ok\n");
    assert_eq!(server.get("/readyz").await.assert_status(200).text, "ready\n");
    countersign::core::server::Shutdown::new(server.services.readiness.clone()).begin();
    server.get("/healthz").await.assert_status(200);
    let answer = server.get("/readyz").await.assert_problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
}

#[apply(on_both_databases!)]
async fn without_a_key_to_sign_with_it_is_not_ready(database: Database) {
    let server = TestServer::start(database).await;
    // As if another server revoked it, which this one learns from the database.
    query(sql!("UPDATE signing_keys SET revoked_at = 1"))
        .execute(&server.services.db)
        .await
        .unwrap();
    server.services.keys.refresh().await;
    server.get("/readyz").await.assert_problem(503, "unavailable");
    server.get("/healthz").await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn metrics_tell_of_requests_sign_ins_and_hashing(database: Database) {
    let server = TestServer::start(database).await;
    let ada = server.user("ada").await;
    ada.refresh(&ada.refresh_token).await.assert_status(200);
    ada.refresh("csr_nonsense").await.assert_status(401);
    server.get("/somewhere/else").await.assert_status(404);
    let text = metrics(&server).await;
    for line in [
        "countersign_build_info{version=\"",
        "countersign_signing_key_ready 1",
        "countersign_status_lists 1",
        "process_resident_memory_bytes ",
        "process_max_fds ",
        "countersign_logins_total{outcome=\"success\"} 1",
        "countersign_refreshes_total{outcome=\"success\"} 1",
        "countersign_refreshes_total{outcome=\"invalid\"} 1",
        "\ncountersign_hashing_queue_depth 0",
        "countersign_database_connections ",
        "route=\"/api/auth/login\"",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("somewhere"), "an unknown path became a label");
    server.get("/metrics").await.assert_problem(404, "not_found");
}

#[apply(on_both_databases!)]
async fn a_metric_says_what_it_means_when_things_happen(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nlogin_per_account = \"2/15m\"\n").await;
    server.user("ada").await;
    for _ in 0..4 {
        server
            .post(
                "/api/auth/login",
                json!({ "email": "ada@example.com", "password": "wrong" }),
            )
            .await;
    }
    server.get("/oauth2/status-lists/1").await.assert_status(200);
    let text = metrics(&server).await;
    assert_eq!(value(&text, "limits_exceeded_total{limit=\"login_per_account\"}"), 2.0);
    assert!(value(&text, "status_list_age_seconds") < 60.0);
    let later = Duration::from_secs(5);
    server.services.clock.advance(later);
    server.services.revocations.refresh().await.unwrap();
    assert_eq!(value(&metrics(&server).await, "revocation_lag_seconds"), 0.0);
    query(sql!("ALTER TABLE revocation_counter RENAME TO gone"))
        .execute(&server.services.db)
        .await
        .unwrap();
    server.services.clock.advance(later);
    server.services.revocations.refresh().await.unwrap_err();
    let text = metrics(&server).await;
    assert_eq!(value(&text, "revocation_lag_seconds"), 5.0);
    assert_eq!(value(&text, "signing_key_age_seconds"), 10.0);
}

pub(crate) async fn metrics(server: &TestServer) -> String {
    let router = countersign::features::operations::health::metrics_router(server.services.health.clone());
    let answer = router
        .oneshot(Request::get("/metrics").body(Body::empty()).unwrap())
        .await
        .unwrap();
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

pub(crate) fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("countersign_")?.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is missing in\n{metrics}"))
        .parse()
        .unwrap()
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
    assert!(String::from_utf8_lossy(&answer.stderr).contains("no server responds"));
}

/// The span with the id is created for the first line logged in it, if any.
#[apply(on_both_databases!)]
async fn each_line_about_a_request_has_its_id_at_the_usual_level(database: Database) {
    let scratch = ScratchDatabase::create(database).await;
    let launch = Launch::new(env!("CARGO_BIN_EXE_countersign"), &scratch)
        .with("COUNTERSIGN_APP_ORIGINS", "https://app.example")
        .with("COUNTERSIGN_LOG__LEVEL", "info");
    let server = launch.start().await;
    let request = "POST /api/auth/logout HTTP/1.1\r\nHost: a\r\nOrigin: https://b.example\r\nConnection: close\r\n\
                   Content-Length: 0\r\n\r\n";
    let mut ids = Vec::new();
    for _ in 0..2 {
        let answer = exchange(server.address, request.to_owned()).await;
        let id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: "));
        ids.push(id.unwrap_or_default().to_owned());
    }
    assert!(server.terminate().success());
    let log = launch.log();
    let ids_of = |text: &str| -> Vec<_> {
        let lines = log.lines().filter(|line| line.contains(text));
        let logged: Vec<serde_json::Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        logged
            .iter()
            .map(|line| line["span"]["request_id"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    // One is logged before the route is called, at most once an hour; the other after it has responded.
    assert_eq!(ids_of("rejected a cross-origin request;"), ids[..1], "{log}");
    assert_eq!(ids_of("\"route\":\"/api/auth/logout\""), ids, "{log}");
    assert!(ids[0].len() == 32 && ids[0] != ids[1], "{ids:?}");
}
