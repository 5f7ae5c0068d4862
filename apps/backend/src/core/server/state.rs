//! What the connections of a server share, and who gets one.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use http::HeaderMap;
use hyper::server::conn::http1::Builder;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::limiter::{ConnectionLimiter, Refused, RequestPermit, Slot};
use super::limits::{FINAL_WAIT, MAX_HEAD_BYTES};
use super::metrics::Metrics;
use super::{ServerOptions, Shutdown, capacity, connection, refusal};
use crate::core::problem::{Code, Problem};

/// How many can be told at the same time that there is no slot; the others are just closed.
const MAX_REFUSALS: usize = 128;

/// What all connections of a server share.
pub(super) struct ServerState {
    pub(super) router: Router,
    pub(super) options: Arc<ServerOptions>,
    pub(super) shutdown: Shutdown,
    pub(super) http: Builder,
    limiter: ConnectionLimiter,
    refusals: Arc<Semaphore>,
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
            .detail("Too many requests of this client are under way.")
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

/// Accepts a connection: gives it a task of its own, or tells it that there is no slot.
///
/// Shedding, not pausing: clients (and the balancer's health check) who would wait in the system's queue behind silent
/// connections learn at once that this node is full.
pub(super) fn accept(state: &Arc<ServerState>, socket: TcpStream, peer: SocketAddr, connections: &mut JoinSet<()>) {
    // Small answers leave at once, rather than wait for more to say (RFC 896). It fails only when the peer is gone
    // already, which the first read will tell.
    let _ = socket.set_nodelay(true);
    match state.limiter.acquire(peer.ip()) {
        Ok(slot) => {
            connections.spawn(connection::serve(
                state.clone(),
                socket,
                peer,
                OpenConnection::new(slot, state.options.metrics.clone()),
            ));
        }
        Err(refused) => {
            state.options.metrics.refused(refused);
            if let Ok(permit) = state.refusals.clone().try_acquire_owned() {
                let problem = Problem::new(Code::Overloaded)
                    .detail("There are too many connections.")
                    .retry_after(1);
                let options = state.options.clone();
                connections.spawn(async move {
                    refusal::send(socket, |told| options.middleware.refuse(problem, told)).await;
                    drop(permit);
                });
            }
        }
    }
}

/// A slot that is taken, and counted.
pub(super) struct OpenConnection {
    _slot: Slot,
    metrics: Metrics,
}

impl OpenConnection {
    fn new(slot: Slot, metrics: Metrics) -> Self {
        metrics.opened();
        Self { _slot: slot, metrics }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.metrics.closed();
    }
}
