//! F-16: a stopping server completes the requests in progress, and does not wait for clients that never finish.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::probes::{PATIENCE, answer, exchange, send, stalls, until_closed};
use super::{Running, start};
use crate::core::server::{ConnectionLimits, Ended};

const REQUEST: &str = "GET /fast HTTP/1.1\r\nHost: a\r\n\r\n";

async fn ended(running: Running) -> Ended {
    timeout(PATIENCE, running.ended)
        .await
        .expect("the server ends")
        .unwrap()
}

#[tokio::test]
async fn an_idle_server_ends_at_once_and_is_not_ready_before() {
    let running = start(ConnectionLimits::default()).await;
    assert!(running.readiness.is_ready());
    running.shutdown.begin();
    assert!(!running.readiness.is_ready());
    assert_eq!(ended(running).await, Ended::Drained);
}

#[tokio::test]
async fn a_request_that_has_begun_is_answered_and_its_connection_closed() {
    let running = start(ConnectionLimits::default()).await;
    let mut stream = send(running.address, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await;
    running.arrived.acquire().await.unwrap().forget();
    running.shutdown.begin();
    refused_from_now_on(&running).await;
    running.gate.add_permits(1);
    let said = until_closed(&mut stream, PATIENCE).await.expect("closed");
    assert!(said.starts_with("HTTP/1.1 200 ") && said.ends_with("held"), "{said}");
    assert!(said.contains("connection: close"), "{said}");
    assert_eq!(ended(running).await, Ended::Drained);
}

async fn refused_from_now_on(running: &Running) {
    let closed = async { while TcpStream::connect(running.address).await.is_ok() {} };
    timeout(PATIENCE, closed)
        .await
        .expect("no more connections are accepted");
}

#[tokio::test]
async fn a_kept_alive_connection_gets_one_more_response() {
    let running = start(ConnectionLimits::default()).await;
    let mut stream = send(running.address, REQUEST).await;
    answer(&mut stream).await;
    running.shutdown.begin();
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    let said = until_closed(&mut stream, PATIENCE).await.expect("closed");
    assert!(
        said.starts_with("HTTP/1.1 200 ") && said.contains("connection: close"),
        "{said}"
    );
    assert_eq!(ended(running).await, Ended::Drained);
}

#[tokio::test]
async fn f10a_50_half_open_requests_do_not_hold_it() {
    let running = start(ConnectionLimits::default()).await;
    let mut held = Vec::new();
    for _ in 0..10 {
        for bytes in stalls("/fast") {
            held.push(send(running.address, bytes).await);
        }
    }
    running.shutdown.begin();
    // The header limit and the idle limit are 10 and 60 seconds, the drain limit 10: it ends before all of them.
    assert_eq!(
        timeout(Duration::from_secs(9), running.ended)
            .await
            .expect("it ends")
            .unwrap(),
        Ended::Drained
    );
}

#[tokio::test]
async fn what_does_not_end_is_cut_at_the_limit() {
    let running = start(ConnectionLimits {
        drain_timeout: Duration::from_millis(200),
        ..ConnectionLimits::default()
    })
    .await;
    let _held = send(running.address, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await;
    running.arrived.acquire().await.unwrap().forget();
    running.shutdown.begin();
    assert_eq!(ended(running).await, Ended::Cut(1));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let running = start(ConnectionLimits {
        lame_duck: PATIENCE * 10,
        drain_timeout: PATIENCE * 10,
        ..ConnectionLimits::default()
    })
    .await;
    let _held = send(running.address, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await;
    running.arrived.acquire().await.unwrap().forget();
    running.shutdown.begin();
    running.shutdown.end_now();
    assert_eq!(ended(running).await, Ended::Cut(1));
}

#[tokio::test]
async fn a_lame_duck_still_accepts() {
    let running = start(ConnectionLimits {
        lame_duck: Duration::from_secs(2),
        ..ConnectionLimits::default()
    })
    .await;
    running.shutdown.begin();
    let said = exchange(running.address, REQUEST).await;
    assert!(
        said.starts_with("HTTP/1.1 200 ") && said.contains("connection: close"),
        "{said}"
    );
    assert_eq!(ended(running).await, Ended::Drained);
}

/// Clients that reuse their connections for consecutive requests, like a reverse proxy, lose none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_nothing_is_dropped_under_load() {
    for _ in 0..10 {
        let running = start(ConnectionLimits::default()).await;
        let answered = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..20)
            .map(|_| tokio::spawn(until_told_to_close(running.address, answered.clone())))
            .collect();
        while answered.load(Ordering::Relaxed) < 200 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        running.shutdown.begin();
        for client in clients {
            timeout(PATIENCE, client)
                .await
                .expect("told to close")
                .expect("no request is lost");
        }
        assert_eq!(ended(running).await, Ended::Drained);
    }
}

async fn until_told_to_close(address: std::net::SocketAddr, answered: Arc<AtomicUsize>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    loop {
        stream
            .write_all(REQUEST.as_bytes())
            .await
            .expect("the connection stands");
        let said = answer(&mut stream).await;
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        answered.fetch_add(1, Ordering::Relaxed);
        if said.contains("connection: close") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
