//! The HTTP server: accepts connections, passes requests to a router, and shuts down gracefully.
//!
//! It replaces `axum::serve`, which never closes a stalled connection (it waits forever for a silent client, for the
//! rest of a partial head, or for the next request on a kept-alive connection), and whose graceful shutdown never
//! completes with a partial request. Here, each connection has a `timer` with a deadline for each step. It supports
//! only HTTP/1.1, does not depend on any route, and itself answers only what cannot become a request.

mod capacity;
mod connection;
mod framing;
mod limiter;
mod limits;
mod listener;
mod metrics;
mod options;
mod refusal;
mod shutdown;
mod state;
mod stream;
mod timer;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;

#[cfg(feature = "testing")]
pub use self::framing::{Framing, FramingError};
pub use self::limits::ConnectionLimits;
pub use self::listener::{BindError, Ended, ListenAddress};
pub use self::metrics::ConnectionMetrics;
pub use self::options::ServerOptions;
pub use self::shutdown::{IgnoredSignals, Readiness, Shutdown, ignore_signals};

/// A bound socket, before it is known what will serve it: its port may be part of the issuer.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

/// A listening server. Clients can connect, and wait until [`Server::serve`] runs.
pub struct Server {
    listening: Listening,
    options: Arc<ServerOptions>,
}

impl Listening {
    /// Listens on `address`. Port 0 selects a free port.
    ///
    /// # Errors
    /// [`BindError`] if it cannot listen on the address; the message says what to do.
    pub async fn on(address: ListenAddress) -> Result<Self, BindError> {
        let (listener, address) = listener::bind(address).await?;
        Ok(Self { listener, address })
    }

    /// Returns the socket address that clients connect to, with the selected port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Server {
    /// Listens on `address`. Port 0 selects a free port.
    ///
    /// # Errors
    /// [`BindError`] if it cannot listen on the address; the message says what to do.
    pub async fn bind(address: SocketAddr, options: ServerOptions) -> Result<Self, BindError> {
        Ok(Self::at(Listening::on(ListenAddress::server(address)).await?, options))
    }

    /// Creates a server on a bound socket.
    pub fn at(listening: Listening, options: ServerOptions) -> Self {
        let options = Arc::new(options);
        Self { listening, options }
    }

    /// Returns the socket address that clients connect to, with the selected port.
    pub fn local_address(&self) -> SocketAddr {
        self.listening.address
    }

    /// Serves `router` until `shutdown` begins, then completes the requests in progress. Each request has the peer's
    /// address as [`axum::extract::ConnectInfo`].
    pub async fn serve(self, router: Router, shutdown: Shutdown) -> Ended {
        listener::serve(
            self.listening.listener,
            state::ServerState::new(router, self.options, shutdown),
        )
        .await
    }
}

#[cfg(test)]
mod tests;
