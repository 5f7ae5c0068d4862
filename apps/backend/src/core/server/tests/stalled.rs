//! F-10a: stalled connections are closed.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::probes::{PATIENCE, answer, exchange, send, silent_sockets, stalls_are_closed, until_closed};
use super::{metrics, short, start};
use crate::core::server::ConnectionLimits;

#[tokio::test]
async fn f10a_every_stall_is_closed() {
    let running = start(short()).await;
    stalls_are_closed(running.address, "/echo", PATIENCE).await;
    let metrics = metrics(&running);
    assert!(
        metrics.contains(r#"connections_timed_out_total{reason="send_headers"} 3"#),
        "{metrics}"
    );
    assert!(
        metrics.contains(r#"connections_timed_out_total{reason="send_next_request"} 1"#),
        "{metrics}"
    );
}

#[tokio::test]
async fn f10a_a_dripping_head_is_closed_all_the_same() {
    let running = start(short()).await;
    let mut stream = send(running.address, "GET /fast HTTP/1.1\r\nX: ").await;
    let drip = async {
        while stream.write_all(b"y").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, drip).await.expect("the dripping ends");
}

#[tokio::test]
async fn a_stalled_body_is_answered_408_and_closed() {
    let running = start(short()).await;
    let said = exchange(
        running.address,
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
    )
    .await;
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    assert!(said.contains(r#""code":"request_timeout""#), "{said}");
    assert!(said.contains("connection: close"), "{said}");
}

#[tokio::test]
async fn a_dripping_chunked_body_is_answered_408_all_the_same() {
    let running = start(short()).await;
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (mut reader, mut writer) = send(running.address, head).await.into_split();
    let drip = tokio::spawn(async move {
        while writer.write_all(b"1\r\nx\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut said = String::new();
    let read = tokio::io::AsyncReadExt::read_to_string(&mut reader, &mut said);
    let _ = tokio::time::timeout(PATIENCE, read).await.expect("the server closes");
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    tokio::time::timeout(PATIENCE, drip).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_answer_that_is_not_read_is_given_up() {
    let running = start(short()).await;
    let _unread = send(running.address, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let given_up = async {
        while !metrics(&running).contains(r#"reason="read_response""#) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, given_up)
        .await
        .expect("the server gives up");
}

#[tokio::test]
async fn an_idle_connection_outlives_the_limit_on_headers() {
    let running = start(ConnectionLimits {
        idle_timeout: Duration::from_secs(60),
        ..short()
    })
    .await;
    let mut stream = send(running.address, "GET /fast HTTP/1.1\r\nHost: a\r\n\r\n").await;
    answer(&mut stream).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    stream.write_all(b"GET /fast HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    // The second head has its own limit.
    let said = until_closed(&mut stream, PATIENCE)
        .await
        .expect("the second head is overdue");
    assert_eq!(said, "");
    assert!(metrics(&running).contains(r#"connections_timed_out_total{reason="send_headers"} 1"#));
}

#[tokio::test]
async fn a_request_that_takes_longer_than_all_limits_on_connections_is_answered() {
    let running = start(short()).await;
    let mut stream = send(running.address, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    running.gate.add_permits(1);
    assert!(answer(&mut stream).await.ends_with("held"));
}

#[tokio::test]
async fn f10a_2000_silent_sockets_do_not_block_other_clients() {
    let running = start(ConnectionLimits {
        header_timeout: Duration::from_secs(120),
        ..ConnectionLimits::default()
    })
    .await;
    let held = silent_sockets(running.address, 2_000).await;
    let said = exchange(
        running.address,
        "GET /fast HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    assert!(metrics(&running).contains("connections_open 2000") || metrics(&running).contains("connections_open 2001"));
    drop(held);
}
