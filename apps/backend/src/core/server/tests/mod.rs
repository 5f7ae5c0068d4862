//! Tests of a server with short limits and a few simple routes, using raw sockets.

mod crowds;
mod oddities;
pub(crate) mod probes;
mod stalled;
mod stopping;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use ipnet::IpNet;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::*;
use crate::core::applications::applications;
use crate::core::layers::{self, LayerOptions, Middleware};
use crate::core::random::SecureRandom;

struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    readiness: Readiness,
    /// `/held` responds once for each permit.
    gate: Arc<Semaphore>,
    /// Requests that have arrived at `/held`.
    arrived: Arc<Semaphore>,
    ended: JoinHandle<Ended>,
    registry: Registry,
}

/// Limits short enough for tests.
fn short() -> ConnectionLimits {
    ConnectionLimits {
        header_timeout: Duration::from_millis(300),
        body_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(300),
        ..ConnectionLimits::default()
    }
}

async fn start(limits: ConnectionLimits) -> Running {
    start_behind(limits, vec![]).await
}

async fn start_behind(limits: ConnectionLimits, trusted_proxies: Vec<IpNet>) -> Running {
    let mut registry = Registry::default();
    let options = LayerOptions {
        issuer: "http://localhost".into(),
        trusted_proxies: vec![],
        applications: applications("issuer = 'https://auth.example'\napp_origins = ['https://app.example']"),
        body_timeout: limits.body_timeout,
        optional_bodies: &[],
        request_timeout: Duration::from_secs(30),
        random: SecureRandom,
        traced: false,
        refusals: crate::core::refusals::Refusals::default(),
        early_pages: None,
    };
    let middleware = Middleware::new(options, layers::Metrics::register(&mut registry));
    let (gate, arrived) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let router = routes(gate.clone(), arrived.clone()).layer(middleware.clone());
    let metrics = ConnectionMetrics::register(&mut registry);
    let options = ServerOptions {
        limits,
        trusted_proxies,
        middleware,
        metrics,
    };
    let server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), options).await.unwrap();
    let address = server.local_address();
    let readiness = Readiness::default();
    let shutdown = Shutdown::new(readiness.clone());
    let ended = tokio::spawn(server.serve(router, shutdown.clone()));
    Running {
        address,
        shutdown,
        readiness,
        gate,
        arrived,
        ended,
        registry,
    }
}

fn routes(gate: Arc<Semaphore>, arrived: Arc<Semaphore>) -> Router {
    let held = || async move {
        arrived.add_permits(1);
        gate.acquire().await.unwrap().forget();
        "held"
    };
    Router::new()
        .route("/fast", get(|| async { "fast" }).post(|| async { "unread" }))
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/held", get(held))
        .route("/large", get(|| async { vec![b'x'; 64 * 1024 * 1024] }))
        .route(
            "/panic",
            get(|| async {
                if true {
                    panic!("on purpose")
                }
            }),
        )
}

fn metrics(running: &Running) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &running.registry).unwrap();
    text
}
