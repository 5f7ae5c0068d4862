//! The other endpoints at `/dev`, their errors, and that a real server does not have them.

use axum::http::Method;
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use serde_json::json;

use super::{Dev, list_of};

#[tokio::test]
async fn what_is_written_wrongly_is_answered_with_how_to_write_it() {
    let dev = Dev::start().await;
    let wrong = [
        ("/dev/tokens", json!({}), "user", "Must be an email address"),
        (
            "/dev/tokens",
            json!({ "user": "ada" }),
            "user",
            "Must be an email address",
        ),
        ("/dev/tokens", json!({ "user": 7 }), "user", "Must be an email address"),
        (
            "/dev/tokens",
            json!({ "user": "a@b.example", "scopes": "a" }),
            "scopes",
            "Must be a list of scopes",
        ),
        (
            "/dev/tokens",
            json!({ "user": "a@b.example", "scopes": ["\""] }),
            "scopes",
            "Must be a list of scopes",
        ),
        (
            "/dev/tokens",
            json!({ "user": "a@b.example", "lifetime": 60 }),
            "lifetime",
            "Must be a duration",
        ),
        (
            "/dev/tokens",
            json!({ "user": "a@b.example", "lifetime": "--1h" }),
            "lifetime",
            "Must be a duration",
        ),
        (
            "/dev/tokens",
            json!({ "user": "a@b.example", "audience": "" }),
            "audience",
            "Must be a single audience",
        ),
        (
            "/dev/tokens",
            json!({ "user": "a@b.example", "audience": "a".repeat(9000) }),
            "scopes",
            "exceed the maximum length",
        ),
        ("/dev/clock", json!({}), "advance", "Must be a duration"),
        (
            "/dev/clock",
            json!({ "advance": "-1h" }),
            "advance",
            "To set the clock back",
        ),
        ("/dev/clock", json!({ "to": "tomorrow" }), "to", "Must be a time in UTC"),
        (
            "/dev/clock",
            json!({ "to": "9000-01-01T00:00:00Z" }),
            "to",
            "The clock cannot be set beyond 9000",
        ),
        (
            "/dev/clock",
            json!({ "advance": "99999999d" }),
            "to",
            "The clock cannot be set beyond 9000",
        ),
        (
            "/dev/clock",
            json!({ "advance": "1h", "to": "2027-01-01T00:00:00Z" }),
            "to",
            "not both",
        ),
    ];
    for (path, body, field, how) in wrong {
        let answer = dev
            .post(path, body.clone())
            .await
            .assert_problem(422, "validation_failed");
        let mistake = &answer.json()["errors"][0];
        assert_eq!(mistake["field"], field, "{body}");
        assert!(mistake["detail"].as_str().unwrap().contains(how), "{body}: {mistake}");
    }
    let unknown = dev
        .post("/dev/tokens", json!({ "user": "a@b.example", "scope": "a" }))
        .await
        .assert_problem(422, "unknown_field");
    assert_eq!(
        unknown.json()["detail"],
        "Unknown field `scope`. Did you mean `scopes`?"
    );
    let unknown = dev
        .post("/dev/clock", json!({ "advanec": "1h" }))
        .await
        .assert_problem(422, "unknown_field");
    assert_eq!(
        unknown.json()["detail"],
        "Unknown field `advanec`. Did you mean `advance`?"
    );
    dev.send((Method::POST, "/dev/tokens"), None, "")
        .await
        .assert_problem(415, "unsupported_media_type");
    dev.post("/dev/tokens", json!([]))
        .await
        .assert_problem(422, "validation_failed");
    dev.send((Method::GET, "/dev/tokens"), None, "")
        .await
        .assert_problem(405, "method_not_allowed");
    dev.send((Method::GET, "/dev/nothing"), None, "")
        .await
        .assert_problem(404, "not_found");
    dev.send((Method::DELETE, "/dev/sessions/x"), None, "")
        .await
        .assert_problem(404, "not_found");
    // A null member counts as omitted.
    let nothing = json!({ "user": "ada@example.com", "scopes": null, "lifetime": null, "audience": null });
    dev.post("/dev/tokens", nothing).await.assert_status(200);
}

#[tokio::test]
async fn a_page_with_a_host_name_that_resolves_here_is_refused() {
    use std::io::{Read, Write};

    let dev = Dev::start().await;
    let address = dev.server.issuer().strip_prefix("http://").unwrap();
    let body = r#"{"user":"ada@example.com"}"#;
    for (host, status) in [
        ("evil.example", "400"),
        ("127.0.0.1.evil.example", "400"),
        ("localhost:1", "200"),
        ("[::1]", "200"),
    ] {
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        let head = "POST /dev/tokens HTTP/1.1\r\nContent-Type: application/json\r\nConnection: close";
        write!(
            socket,
            "{head}\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
    }
}

#[tokio::test]
async fn the_clock_decides_at_once_what_has_expired() {
    let dev = Dev::start().await;
    let token = dev.server.token("ada@example.com").lifetime("15m").await;
    dev.get("/api/auth/me", &token).await.assert_status(200);
    dev.server.advance_clock("14m").await;
    dev.get("/api/auth/me", &token).await.assert_status(200);
    dev.server.advance_clock("2m").await;
    dev.get("/api/auth/me", &token)
        .await
        .assert_problem(401, "invalid_token");
    // A refresh token can be unused for 30 days at most.
    dev.server.advance_clock("30d").await;
    dev.refresh(&token).await.assert_problem(401, "invalid_refresh_token");

    let now = dev
        .post("/dev/clock", json!({ "to": "2031-02-03T04:05:06Z" }))
        .await
        .assert_status(200)
        .json();
    assert!(now["now"].as_str().unwrap().starts_with("2031-02-03T04:0"), "{now}");
    let then = dev.server.token("ada@example.com").await;
    dev.get("/api/auth/me", &then).await.assert_status(200);
    // The clock can also be set back.
    dev.server.set_clock("2026-01-01T00:00:00.5+00:00").await;
    dev.get("/api/auth/me", &dev.server.token("bob@example.com").await)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn a_session_is_ended_from_both_sides() {
    let dev = Dev::start().await;
    let token = dev.server.token("ada@example.com").await;
    let other = dev.server.token("ada@example.com").await;
    let path = list_of(&token).strip_prefix(dev.server.issuer()).unwrap().to_owned();
    let published = dev.send((Method::GET, &path), None, "").await.assert_status(200);
    dev.server.revoke(&token).await;
    dev.get("/api/auth/me", &token)
        .await
        .assert_problem(401, "invalid_token");
    dev.refresh(&token).await.assert_problem(401, "invalid_refresh_token");
    let changed = dev.send((Method::GET, &path), None, "").await.assert_status(200);
    assert_ne!(published.header("etag"), changed.header("etag"));
    let again = format!("/dev/sessions/{}", token.session);
    dev.send((Method::DELETE, &again), None, "")
        .await
        .assert_problem(404, "not_found");

    dev.get("/api/auth/me", &other).await.assert_status(200);
    dev.send((Method::POST, "/api/auth/logout"), None, &other.access_token)
        .await
        .assert_status(204);
    dev.get("/api/auth/me", &other)
        .await
        .assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn one_account_may_have_as_many_sessions_as_a_suite_has_tests() {
    let dev = Dev::start().await;
    let first = dev.server.token("ada@example.com").await;
    for _ in 0..60 {
        dev.server.token("ada@example.com").await;
    }
    dev.get("/api/auth/me", &first).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_real_server_has_none_of_this(database: Database) {
    let server = TestServer::start(database).await;
    let body = json!({ "user": "ada@example.com", "advance": "1h" });
    for path in [
        "/dev/tokens",
        "/dev/clock",
        "/dev/sessions/01900000-0000-7000-8000-000000000000",
    ] {
        server.post(path, body.clone()).await.assert_problem(404, "not_found");
    }
    assert!(!server.get("/openapi.json").await.text.contains("/dev/"));
}
