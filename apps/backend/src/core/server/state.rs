//! The state shared by the connections of a server.

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

/// The maximum number of connections that are concurrently rejected with a response. Others are closed without one.
const MAX_REFUSALS: usize = 128;

/// The state shared by all connections of a server.
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
        // The connection's own timer replaces that of hyper.
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

    /// Admits a request, unless its client has too many in progress.
    pub(super) fn acquire_for_request(
        &self,
        peer: SocketAddr,
        headers: &HeaderMap,
    ) -> Result<Option<RequestPermit>, Refused> {
        self.limiter
            .acquire_for_request(peer.ip(), headers)
            .inspect_err(|refused| self.options.metrics.refused(*refused))
    }

    /// Returns the problem for a client with too many requests in progress.
    pub(super) fn too_many() -> Problem {
        Problem::new(Code::Overloaded)
            .detail("Too many concurrent requests from this client.")
            .retry_after(1)
    }

    /// Waits until the server stops accepting connections.
    pub(super) async fn stop_accepting(&self) {
        self.shutdown.begun().await;
        tokio::select! {
            () = sleep(self.options.limits.lame_duck) => {}
            () = self.shutdown.ended() => {}
        }
    }

    /// Waits until requests in progress must end.
    pub(super) async fn drain_limit(&self) {
        tokio::select! {
            () = sleep(self.options.limits.drain_timeout) => {}
            () = self.shutdown.ended() => {}
        }
    }

    /// Waits until the server drains, and returns the time at which connections without a request are closed.
    pub(super) async fn drain_deadline(&self) -> Instant {
        self.shutdown.begun().await;
        Instant::now() + self.options.limits.lame_duck + FINAL_WAIT
    }
}

/// An acquired slot, counted in the metrics.
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
