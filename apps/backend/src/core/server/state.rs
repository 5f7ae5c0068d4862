//! What the connections of a server share.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use http::HeaderMap;
use hyper::server::conn::http1::Builder;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::limiter::{ConnectionLimiter, Refused, RequestPermit, Slot};
use super::limits::{FINAL_WAIT, MAX_HEAD_BYTES};
use super::metrics::ConnectionMetrics;
use super::{ServerOptions, Shutdown, capacity};
use crate::core::problem::{Code, Problem};

/// How many can be told at the same time that there is no slot; the others are just closed.
const MAX_REFUSALS: usize = 128;

/// What all connections of a server share.
pub(super) struct ServerState {
    pub(super) router: Router,
    pub(super) options: Arc<ServerOptions>,
    pub(super) shutdown: Shutdown,
    pub(super) http: Builder,
    pub(super) limiter: ConnectionLimiter,
    pub(super) refusals: Arc<Semaphore>,
}

impl ServerState {
    pub(super) fn new(router: Router, options: Arc<ServerOptions>, shutdown: Shutdown) -> Arc<Self> {
        let limits = &options.limits;
        let max = capacity::connections(limits.max_connections);
        let limiter = ConnectionLimiter::new(max, limits.max_connections_per_address, options.trusted_proxies.clone());
        let mut http = Builder::new();
        // The connection's timer keeps the time, so hyper's own is off.
        http.max_header_size(MAX_HEAD_BYTES)
            .max_buf_size(MAX_HEAD_BYTES)
            .header_read_timeout(None);
        Arc::new(Self {
            router,
            options,
            shutdown,
            limiter,
            http,
            refusals: Arc::new(Semaphore::new(MAX_REFUSALS)),
        })
    }

    /// Lets a request through, unless its client has too many under way.
    pub(super) fn acquire_for_request(
        &self,
        peer: SocketAddr,
        headers: &HeaderMap,
    ) -> Result<Option<RequestPermit>, Refused> {
        self.limiter
            .acquire_for_request(peer.ip(), headers)
            .inspect_err(|refused| self.options.metrics.refused(*refused))
    }

    /// What is said to a client that has too many requests under way.
    pub(super) fn too_many() -> Problem {
        Problem::new(Code::Overloaded)
            .detail("Too many concurrent requests from this client.")
            .retry_after(1)
    }

    /// Waits until no more connections are wanted.
    pub(super) async fn stop_accepting(&self) {
        self.shutdown.begun().await;
        tokio::select! {
            () = sleep(self.options.limits.lame_duck) => {}
            () = self.shutdown.ended() => {}
        }
    }

    /// Waits until requests that have begun must end.
    pub(super) async fn drain_limit(&self) {
        tokio::select! {
            () = sleep(self.options.limits.drain_timeout) => {}
            () = self.shutdown.ended() => {}
        }
    }

    /// Waits until the server drains, and tells when connections without a request are to end.
    pub(super) async fn drain_deadline(&self) -> Instant {
        self.shutdown.begun().await;
        Instant::now() + self.options.limits.lame_duck + FINAL_WAIT
    }
}

/// A slot that is taken, and counted.
pub(super) struct OpenConnection {
    _slot: Slot,
    metrics: ConnectionMetrics,
}

impl OpenConnection {
    pub(super) fn new(slot: Slot, metrics: ConnectionMetrics) -> Self {
        metrics.opened();
        Self { _slot: slot, metrics }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.metrics.closed();
    }
}
