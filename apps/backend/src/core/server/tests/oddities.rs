//! Tests that ambiguous requests are rejected (A-72, A-93).

use std::net::SocketAddr;

use super::probes::{PATIENCE, answer, exchange, send, until_closed};
use super::{short, start};
use crate::core::server::ConnectionLimits;

#[tokio::test]
async fn a72_ambiguous_requests_get_400_and_the_connection_is_closed() {
    let running = start(ConnectionLimits::default()).await;
    let smuggled = "0\r\n\r\nGET /fast HTTP/1.1\r\nHost: a\r\n\r\n";
    for request in [
        format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n{smuggled}"),
        format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{smuggled}"),
        format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n{smuggled}"),
        format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n{smuggled}"),
        format!("POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{smuggled}"),
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde".into(),
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd".into(),
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".into(),
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length : 4\r\n\r\nabcd".into(),
        "GET /fast HTTP/1.1\nHost: a\n\n".into(),
        "GET /fast HTTP/1.1\r\nHost: a\nX: y\r\n\r\n".into(),
        "GET /fast HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n".into(),
        "GET /fast HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n".into(),
        "GET /fast HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n".into(),
        "GET /fast HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n".into(),
        "GET /fast HTTP/1.1\r\n\r\n".into(),
        "GET /fast HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(),
        "GET /fa st HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        "GET /fast HTTP/1.7\r\nHost: a\r\n\r\n".into(),
        "\0GET /fast HTTP/1.1\r\nHost: a\r\n\r\n".into(),
    ] {
        assert_refused_first_and_later(running.address, &request).await;
    }
    // Ambiguous requests, with a body that shows how they were interpreted.
    for codings in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding:\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\nX: y",
        "Content-Length: 13\r\nTransfer-Encoding: chunked",
        "Content-Length: 13\nX: y",
        "Content-Length:\r\n 13",
        "Content-Length: 13\r\nContent-Length: 14",
        "Content-Length: \x0b13",
        "Content-Length: 1_3",
        "X: y\n\r\nContent-Length: 13",
        "X: y\r\n\nGET /fast HTTP/1.1\r\nHost: a",
    ] {
        let request = format!("POST /echo HTTP/1.1\r\nHost: a\r\n{codings}\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        assert_refused_first_and_later(running.address, &request).await;
    }
}

/// Asserts that a request is rejected as the first of a connection, after an answered one, and after an unanswered one.
async fn assert_refused_first_and_later(address: SocketAddr, request: &str) {
    let before = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na\nc";
    let mut stream = send(address, before).await;
    assert!(answer(&mut stream).await.ends_with("a\nc"));
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
        .await
        .unwrap();
    let behind_an_answer = until_closed(&mut stream, PATIENCE).await.expect("closed");
    let piped = exchange(address, format!("{before}{request}")).await;
    let (first, behind) = piped.split_once("a\nc").expect("the first request is answered");
    assert!(first.starts_with("HTTP/1.1 200 "), "{piped}");
    for said in [exchange(address, request).await, behind_an_answer, behind.to_owned()] {
        assert!(
            said.starts_with("HTTP/1.1 400 ") || said.starts_with("HTTP/1.0 400 "),
            "{request:?}: {said}"
        );
        assert_eq!(said.matches("HTTP/1.").count(), 1, "{request:?}: {said}");
        assert!(
            said.contains("connection: close") || said.starts_with("HTTP/1.0"),
            "{request:?}: {said}"
        );
        for part in [
            "application/problem+json",
            r#""code":"bad_request""#,
            "x-content-type-options: nosniff",
            "x-request-id: ",
        ] {
            assert!(said.contains(part), "{part} after {request:?}: {said}");
        }
    }
}

#[tokio::test]
async fn answers_to_what_is_no_request_can_be_read_by_listed_origins() {
    let running = start(ConnectionLimits {
        max_connections: 2,
        ..ConnectionLimits::default()
    })
    .await;
    let from = |origin: &str, before: &str, rest: &str| {
        format!("POST /api/echo HTTP/1.1\r\nHost: a\r\n{before}Origin: {origin}\r\n{rest}\r\n")
    };
    let (large, many) = (format!("X: {}\r\n", "y".repeat(100_000)), "X: y\r\n".repeat(200));
    let (app, evil) = ("https://app.example", "https://evil.example");
    for (status, before, rest) in [
        ("431", "", large.as_str()),
        ("431", large.as_str(), ""),
        ("431", "", many.as_str()),
        ("400", "", "Transfer-Encoding: gzip, chunked\r\n"),
        ("400", "", "X : y\r\n"),
        ("413", "", "Content-Length: 70000\r\n"),
    ] {
        let said = exchange(running.address, from(app, before, rest)).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
        assert!(
            said.contains("access-control-allow-origin: https://app.example\r\n"),
            "{said}"
        );
        let said = exchange(running.address, from(evil, before, rest)).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
        assert!(!said.contains("access-control-allow-origin"), "{said}");
        assert!(said.contains("vary: Origin\r\n"), "{said}");
    }
    let _taken = [send(running.address, "GET").await, send(running.address, "GET").await];
    for origin in [app, evil] {
        let said = exchange(running.address, from(origin, "", "")).await;
        assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
        assert_eq!(said.contains("access-control-allow-origin: "), origin == app, "{said}");
    }
}

#[tokio::test]
async fn heads_that_are_too_large_are_answered_431() {
    let running = start(ConnectionLimits::default()).await;
    let long = format!("GET /fast HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(64 * 1024));
    let many = format!("GET /fast HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100));
    let endless = format!("GET /{}", "y".repeat(1024 * 1024));
    for request in [long, many, endless] {
        let said = exchange(running.address, &request).await;
        assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
        assert!(said.contains(r#""code":"headers_too_large""#), "{said}");
    }
}

#[tokio::test]
async fn requests_behind_one_another_are_answered_in_turn() {
    let running = start(ConnectionLimits::default()).await;
    let request = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    let last = "GET /fast HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let said = exchange(running.address, format!("{request}{request}{last}")).await;
    assert_eq!(said.matches("HTTP/1.1 200 OK").count(), 3, "{said}");

    let garbage = exchange(running.address, format!("{request}\0\0\0\0\r\n\r\n")).await;
    assert!(garbage.starts_with("HTTP/1.1 200 "), "{garbage}");
    assert_eq!(garbage.matches("HTTP/1.1 400 ").count(), 1, "{garbage}");
}

#[tokio::test]
async fn a_chunked_request_is_the_last_of_its_connection() {
    let running = start(ConnectionLimits::default()).await;
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let said = exchange(running.address, format!("{chunked}{chunked}")).await;
    assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{said}");
    assert!(
        said.starts_with("HTTP/1.1 200 ") && said.contains("connection: close") && said.ends_with("abc"),
        "{said}"
    );
}

#[tokio::test]
async fn f10_oversize_is_refused_early_and_the_client_can_read_why() {
    let running = start(ConnectionLimits::default()).await;
    let promised = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n";
    let mut stream = send(running.address, promised).await;
    let said = until_closed(&mut stream, PATIENCE).await.expect("closed");
    assert!(
        said.starts_with("HTTP/1.1 413 ") && said.contains(r#""code":"body_too_large""#),
        "{said}"
    );

    let sent = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n{}",
        "x".repeat(4_000_000)
    );
    let said = exchange(running.address, sent).await;
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");

    let chunks = "10000\r\n".to_owned() + &"x".repeat(0x10000) + "\r\n1\r\nx\r\n0\r\n\r\n";
    let sent = format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
    let said = exchange(running.address, sent).await;
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");

    let whole = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 65536\r\n\r\n{}",
        "x".repeat(65_536)
    );
    let said = exchange(running.address, whole).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "64 KiB are allowed");
}

#[tokio::test]
async fn a_client_that_waits_for_a_go_ahead_is_refused_without_it() {
    let running = start(ConnectionLimits::default()).await;
    let asks =
        |length| format!("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n");
    let said = exchange(running.address, asks(100_000)).await;
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    let mut stream = send(running.address, asks(3)).await;
    assert_eq!(answer(&mut stream).await, "HTTP/1.1 100 Continue\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"abc").await.unwrap();
    assert!(answer(&mut stream).await.ends_with("abc"));
}

#[tokio::test]
async fn targets_that_are_no_paths_break_nothing() {
    let running = start(short()).await;
    for (request, status) in [
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "404"),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "404"),
        ("GET http://a/fast HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
        ("GET //fast HTTP/1.1\r\nHost: a\r\n\r\n", "404"),
        ("GET /%ff%00 HTTP/1.1\r\nHost: a\r\n\r\n", "404"),
        ("TRACE /fast HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
        ("BREW /fast HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
        ("HEAD /fast HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
        (
            "GET /fast HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
            "200",
        ),
    ] {
        let said = exchange(running.address, request).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {said}");
    }
    assert_eq!(exchange(running.address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, "");
}

#[tokio::test]
async fn a86_a_panic_returns_500_and_the_next_request_succeeds() {
    let running = start(ConnectionLimits::default()).await;
    let mut stream = send(running.address, "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let said = answer(&mut stream).await;
    assert!(
        said.starts_with("HTTP/1.1 500 ") && said.contains(r#""code":"internal""#),
        "{said}"
    );
    assert!(!said.contains("on purpose"), "{said}");
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /fast HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
    assert!(super::metrics(&running).contains("http_panics_total 1"));
}
