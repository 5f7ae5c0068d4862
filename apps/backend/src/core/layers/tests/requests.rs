//! Tests of request IDs, problems and limits.

use std::collections::HashSet;

use axum::body::Body;
use axum::extract::ConnectInfo;
use futures_util::stream;
use http::Request;
use std::net::SocketAddr;

use super::layers;

#[tokio::test]
async fn a_request_gets_an_id_that_the_handler_and_the_client_know() {
    let tested = layers("http://localhost");
    let mut seen = HashSet::new();
    for _ in 0..10 {
        let answer = tested.ask(Request::get("/api/id")).await;
        assert_eq!(answer.body, answer.header("x-request-id"));
        assert_eq!(answer.body.len(), 32);
        seen.insert(answer.body);
    }
    assert_eq!(seen.len(), 10);
}

#[tokio::test]
async fn an_id_is_believed_from_a_trusted_proxy_if_it_is_plain() {
    let tested = layers("http://localhost");
    let ask = async |id: &str, peer: &str| {
        let peer = ConnectInfo(peer.parse::<SocketAddr>().unwrap());
        tested
            .ask(Request::get("/api/id").header("x-request-id", id).extension(peer))
            .await
            .body
    };
    assert_eq!(ask("abc.DEF_1-2", "10.0.0.1:1").await, "abc.DEF_1-2");
    assert_eq!(ask("abc", "[::ffff:10.0.0.1]:1").await, "abc");
    assert_ne!(ask("abc", "192.0.2.1:1").await, "abc");
    assert_eq!(ask(&"x".repeat(64), "10.0.0.1:1").await, "x".repeat(64));
    for id in ["", "a b", "a\tb", "é", &"x".repeat(65)] {
        assert_eq!(ask(id, "10.0.0.1:1").await.len(), 32, "{id:?}");
    }
}

#[tokio::test]
async fn everything_that_is_no_success_is_a_problem() {
    let tested = layers("https://auth.example");
    let json = |body: &'static str| {
        Request::post("/api/json")
            .header("content-type", "application/json")
            .body(Body::from(body))
    };
    for (request, status, code) in [
        (Request::get("/nowhere").body(Body::empty()), 404, "not_found"),
        (
            Request::delete("/api/id").body(Body::empty()),
            405,
            "method_not_allowed",
        ),
        (
            Request::builder().method("TRACE").uri("/api/id").body(Body::empty()),
            405,
            "method_not_allowed",
        ),
        (
            Request::post("/api/json").body(Body::from("1")),
            415,
            "unsupported_media_type",
        ),
        (
            Request::post("/api/echo")
                .header("content-encoding", "gzip")
                .body(Body::from("1")),
            415,
            "unsupported_media_type",
        ),
        (json("x"), 400, "bad_request"),
        (json("-1"), 422, "validation_failed"),
        (
            Request::post("/api/echo").body(Body::from("x".repeat(64 * 1024 + 1))),
            413,
            "body_too_large",
        ),
        (Request::get("/api/panic").body(Body::empty()), 500, "internal"),
        (Request::get("/api/internal").body(Body::empty()), 500, "internal"),
        (Request::get("/api/limited").body(Body::empty()), 429, "rate_limited"),
        (Request::get("/api/stuck").body(Body::empty()), 503, "unavailable"),
    ] {
        let answer = tested.send(request.unwrap()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{}",
            answer.body
        );
        assert!(
            answer.body.contains(&format!("https://auth.example/errors#{code}")),
            "{}",
            answer.body
        );
        for secret in ["on purpose", "disk"] {
            assert!(!answer.body.contains(secret), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn headers_of_the_layers_below_stay_with_a_problem() {
    let tested = layers("http://localhost");
    assert_eq!(tested.ask(Request::delete("/api/id")).await.header("allow"), "GET,HEAD");
    let limited = tested.ask(Request::get("/api/limited")).await;
    assert_eq!(
        (limited.header("retry-after"), limited.header("ratelimit")),
        ("3", "r=0")
    );
    assert_eq!(limited.headers.get_all("content-type").iter().count(), 1);
    assert_eq!(limited.header("content-length"), limited.body.len().to_string());
}

#[tokio::test]
async fn what_was_written_on_purpose_is_left_alone() {
    let tested = layers("http://localhost");
    let page = tested.ask(Request::get("/api/page")).await;
    assert_eq!((page.status.as_u16(), page.body.as_str()), (404, "<p>no"));
    let challenge = tested.ask(Request::get("/api/challenge")).await;
    assert_eq!(
        (challenge.status.as_u16(), challenge.header("www-authenticate")),
        (401, "Bearer")
    );
}

#[tokio::test]
async fn a_stream_without_a_length_is_held_to_the_same_size() {
    let tested = layers("http://localhost");
    let streamed = |bytes: usize| {
        let chunks = (0..bytes).map(|_| Ok::<_, std::io::Error>("x"));
        Request::post("/api/echo")
            .body(Body::from_stream(stream::iter(chunks)))
            .unwrap()
    };
    assert_eq!(tested.send(streamed(64 * 1024)).await.body.len(), 64 * 1024);
    let beyond = tested.send(streamed(64 * 1024 + 1)).await;
    assert_eq!(
        (beyond.status.as_u16(), beyond.code().as_str()),
        (413, "body_too_large")
    );
    assert_eq!(beyond.header("connection"), "close");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_answered_408() {
    let tested = super::layers_with_patience();
    let body = Body::from_stream(stream::pending::<Result<&str, std::io::Error>>());
    let answer = tested.send(Request::post("/api/echo").body(body).unwrap()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (408, "request_timeout")
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_dropped_and_answered_503() {
    let tested = layers("http://localhost");
    let started = tokio::time::Instant::now();
    let answer = tested.ask(Request::get("/api/stuck")).await;
    // The clock is paused, so the time is exactly the limit, up to the granularity of the timer.
    assert!((200..=201).contains(&started.elapsed().as_millis()));
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
    assert_eq!(tested.dropped.available_permits(), 1);
}
