//! Tests with more connections than slots.

use std::net::Ipv4Addr;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::probes::{PATIENCE, answer, connect_from, exchange, send, until_closed};
use super::{metrics, start, start_behind};
use crate::core::server::{BindError, ConnectionLimits, ListenAddress};

const REQUEST: &str = "GET /fast HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn an_ip_address_at_its_limit_is_refused_and_others_are_served() {
    let running = start(ConnectionLimits {
        max_connections_per_address: 2,
        ..ConnectionLimits::default()
    })
    .await;
    let mut first = send(running.address, REQUEST).await;
    let mut second = send(running.address, REQUEST).await;
    answer(&mut first).await;
    answer(&mut second).await;

    let said = exchange(running.address, REQUEST).await;
    assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
    for part in [
        "connection: close\r\n",
        "retry-after: 1\r\n",
        "x-content-type-options: nosniff\r\n",
        r#""code":"overloaded""#,
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let mut other = connect_from(Ipv4Addr::new(127, 0, 0, 2), running.address).await;
    other.write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(answer(&mut other).await.starts_with("HTTP/1.1 200 "));
    assert!(metrics(&running).contains(r#"connections_refused_total{reason="address"} 1"#));
}

#[tokio::test]
async fn a_full_server_says_so_at_once_and_recovers() {
    let running = start(ConnectionLimits {
        max_connections: 1,
        ..ConnectionLimits::default()
    })
    .await;
    let mut only = send(running.address, REQUEST).await;
    answer(&mut only).await;
    let mut silent = send(running.address, "").await;
    let said = until_closed(&mut silent, PATIENCE).await.expect("closed");
    assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
    assert!(metrics(&running).contains(r#"connections_refused_total{reason="total"} 1"#));

    drop(only);
    let recovered = async {
        while !exchange(running.address, "GET /fast HTTP/1.0\r\n\r\n")
            .await
            .starts_with("HTTP/1.0 200 ")
        {}
    };
    tokio::time::timeout(PATIENCE, recovered)
        .await
        .expect("the place is given back");
}

#[tokio::test]
async fn one_client_behind_a_trusted_proxy_cannot_take_every_place() {
    let limits = ConnectionLimits {
        max_connections_per_address: 2,
        ..ConnectionLimits::default()
    };
    let running = start_behind(limits, vec!["127.0.0.0/8".parse().unwrap()]).await;
    let asks =
        |path: &str, client: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {client}\r\n\r\n");
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(send(running.address, asks("/held", "203.0.113.7")).await);
    }
    let both = timeout(PATIENCE, running.arrived.acquire_many(2)).await;
    both.expect("they arrive").unwrap().forget();

    // On connections of the same proxy, only this client is told that it has too many.
    let mut proxy = send(running.address, asks("/fast", "198.51.100.1, 203.0.113.7")).await;
    let said = answer(&mut proxy).await;
    assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
    assert!(
        said.contains("retry-after: 1\r\n") && said.contains(r#""code":"overloaded""#),
        "{said}"
    );
    for other in ["203.0.113.8", "127.0.0.1", "127.0.0.9"] {
        proxy.write_all(asks("/fast", other).as_bytes()).await.unwrap();
        let said = answer(&mut proxy).await;
        assert!(said.starts_with("HTTP/1.1 200 "), "{other}: {said}");
    }
    assert!(metrics(&running).contains(r#"connections_refused_total{reason="client"} 1"#));

    // Answered requests no longer count.
    running.gate.add_permits(2);
    for held in &mut held {
        assert!(answer(held).await.starts_with("HTTP/1.1 200 "));
    }
    proxy.write_all(asks("/fast", "203.0.113.7").as_bytes()).await.unwrap();
    assert!(answer(&mut proxy).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "whether it is alone in its process, only the runner says"
)]
async fn f19_connections_that_come_and_go_leave_nothing_behind() {
    let running = start(ConnectionLimits::default()).await;
    // The number of open files, if the system provides it and no other test runs in this process.
    let alone = std::env::var_os("NEXTEST").is_some();
    let open = || std::fs::read_dir("/proc/self/fd").map_or(0, |open| open.filter(|_| alone).count());
    let before = open();
    for _ in 0..500 {
        drop(send(running.address, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await);
        exchange(
            running.address,
            "GET /fast HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        )
        .await;
    }
    let emptied = async {
        while !metrics(&running).contains("connections_open 0") || open() > before {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, emptied)
        .await
        .expect("every place is given back");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let running = start(ConnectionLimits::default()).await;
    let again = start(ConnectionLimits::default()).await;
    assert_ne!(running.address, again.address);
    let error = super::super::listener::bind(ListenAddress::server(running.address))
        .await
        .unwrap_err();
    assert!(matches!(error, BindError::InUse(_)));
    assert!(error.to_string().contains(&running.address.to_string()), "{error}");
    let elsewhere = ListenAddress::server("203.0.113.1:0".parse().unwrap());
    let elsewhere = super::super::listener::bind(elsewhere).await.unwrap_err();
    assert!(matches!(elsewhere, BindError::NotHere(_)));
}
