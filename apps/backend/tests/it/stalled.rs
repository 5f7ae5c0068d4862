//! F-10a: connections that stall are closed, by the real binary and its settings.
//!
//! A limit that a test can wait for is a fraction of a second, and the default after it at least ten seconds. So a
//! connection closed within `ROOM` of the former was not closed by the latter.

use std::time::Duration;

use axum::http::Method;
use countersign_testkit::{Database, Launch, ScratchDatabase};
use tokio::io::AsyncWriteExt;

use crate::probes::{PATIENCE, answer, exchange, send, silent_sockets, stalls, stalls_are_closed, until_closed};

const BINARY: &str = env!("CARGO_BIN_EXE_countersign");

/// A route that accepts a POST with a body.
const LOGIN: &str = "/api/auth/login";

/// What a busy machine may add to a limit.
const ROOM: Duration = Duration::from_secs(6);

const READY: &str = "GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn f10a_each_stall_is_closed_at_its_own_limit() {
    let (head, body, idle) = (400, 700, 1_000);
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let launch = Launch::new(BINARY, &scratch)
        .with("COUNTERSIGN_HTTP__HEADER_TIMEOUT", format!("{head}ms"))
        .with("COUNTERSIGN_HTTP__BODY_TIMEOUT", format!("{body}ms"))
        .with("COUNTERSIGN_HTTP__IDLE_TIMEOUT", format!("{idle}ms"));
    let server = launch.start().await;
    let held = stalls_are_closed(server.address, LOGIN, Duration::from_millis(idle) + ROOM).await;
    println!("silent, half a request line, half a head, idle, half a body: {held:?}");
    for (held, limit) in held.into_iter().zip([head, head, head, idle, body]) {
        let limit = Duration::from_millis(limit);
        assert!(held >= limit, "closed after {held:?}, before its limit of {limit:?}");
        assert!(
            held < limit + ROOM,
            "closed after {held:?}, long after its limit of {limit:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f10a_dripping_does_not_evade_the_limits() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let launch = Launch::new(BINARY, &scratch)
        .with("COUNTERSIGN_HTTP__HEADER_TIMEOUT", "400ms")
        .with("COUNTERSIGN_HTTP__BODY_TIMEOUT", "400ms");
    let server = launch.start().await;
    let head = format!("POST {LOGIN} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n");
    for (begin, drop) in [
        (format!("{head}X-Slow: "), "x"),
        (format!("{head}Content-Length: 60000\r\n\r\n"), " "),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\n"), "1\r\n \r\n"),
    ] {
        let (mut reader, mut writer) = send(server.address, &begin).await.into_split();
        let dripping = tokio::spawn(async move {
            while writer.write_all(drop.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let mut said = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut said);
        let _ = tokio::time::timeout(Duration::from_millis(400) + ROOM, read)
            .await
            .unwrap_or_else(|_| panic!("{begin:?} goes on for ever"));
        let said = String::from_utf8(said).unwrap();
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 408 "),
            "{begin:?}: {said}"
        );
        tokio::time::timeout(PATIENCE, dripping).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f10a_2000_silent_sockets_do_not_block_other_clients() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_HTTP__HEADER_TIMEOUT", "10m");
    let server = launch.start().await;
    let before = server.resident_kib();
    let mut held = silent_sockets(server.address, 2_000).await;
    for _ in 0..20 {
        let said = exchange(server.address, READY).await;
        assert!(said.starts_with("HTTP/1.1 200 ") && said.ends_with("ready\n"), "{said}");
    }
    println!("memory: {before} KiB, with 2,000 sockets {} KiB", server.resident_kib());
    // They were held the whole time: each of them can still begin.
    for stream in &mut held {
        stream.write_all(READY.as_bytes()).await.unwrap();
    }
    for stream in &mut held {
        assert!(answer(stream).await.starts_with("HTTP/1.1 200 "));
    }
}

/// The limits on heads, bodies and idle connections have their defaults, the shortest of which takes longer than this.
#[tokio::test(flavor = "multi_thread")]
async fn f10a_50_half_open_requests_do_not_outlast_the_drain_limit() {
    let drain = Duration::from_secs(2);
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let launch = Launch::new(BINARY, &scratch).with("COUNTERSIGN_HTTP__DRAIN_TIMEOUT", "2s");
    let server = launch.start().await;
    let mut held = Vec::new();
    for _ in 0..10 {
        for bytes in stalls(LOGIN) {
            held.push(send(server.address, bytes).await);
        }
    }
    // All earlier connections have been accepted.
    assert!(exchange(server.address, READY).await.starts_with("HTTP/1.1 200 "));
    server.tell_to_stop();
    let status = server.ended(drain + ROOM).await.expect("it ends by the drain limit");
    assert_eq!(status.code(), Some(0), "{}", launch.log());
    for stream in &mut held {
        assert!(until_closed(stream, PATIENCE).await.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r15_x26_oversized_bearer_tokens_are_refused() {
    let scratch = ScratchDatabase::create(Database::Sqlite).await;
    let launch = Launch::new(BINARY, &scratch);
    let server = launch.start().await;
    let with_token = |token: &str, length: usize| {
        let token = token.repeat(length / token.len());
        format!("GET /api/auth/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n")
    };
    let post = |body: &str| {
        let length = body.len();
        format!(
            "POST /api/auth/refresh HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    for (length, status, code) in [
        (0, 401, "invalid_token"),
        (8 * 1024, 401, "invalid_token"),
        (15 * 1024, 401, "invalid_token"),
        (17 * 1024, 431, "headers_too_large"),
        (1024 * 1024, 431, "headers_too_large"),
    ] {
        for token in ["x", ".", "e30.", "eyJhbGciOiJFUzI1NiJ9."] {
            let said = exchange(server.address, with_token(token, length)).await;
            assert!(
                said.starts_with(&format!("HTTP/1.1 {status} ")),
                "{length} of {token}: {said}"
            );
            assert!(
                said.contains(&format!(r#""code":"{code}""#)),
                "{length} of {token}: {said}"
            );
            assert!(said.contains("connection: close"), "{length} of {token}: {said}");
        }
    }
    for (length, status) in [(60_000, 401), (1024 * 1024, 413)] {
        for token in [".", "csr_"] {
            let body = format!(r#"{{"refresh_token":"{}"}}"#, token.repeat(length / token.len()));
            let said = exchange(server.address, post(&body)).await;
            assert!(
                said.starts_with(&format!("HTTP/1.1 {status} ")),
                "{length} of {token}: {said}"
            );
        }
    }
    let answer = server.client().send((Method::GET, "/healthz"), None, "").await;
    answer.unwrap().assert_status(200);
}
