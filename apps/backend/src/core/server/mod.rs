//! The accept loop: from a listening socket to requests for a router, and the end of all that.
//!
//! Our own, because `axum::serve` never closes a stalled connection (it waits for ever for a silent client, for the
//! rest of a half-sent head, for the next request on a kept-alive connection), and a half-sent request keeps its
//! graceful shutdown from ending. Here each connection stands under a `timer` that knows what it waits for and until
//! when. It speaks HTTP/1.1 only, knows no route, and answers only what cannot become a request.

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
pub use self::listener::{BindError, Ended};
pub use self::metrics::ConnectionMetrics;
pub use self::options::ServerOptions;
pub use self::shutdown::{IgnoredSignals, Readiness, Shutdown, ignore_signals};

/// An address that is taken, before it is known what will answer there: its port may be part of the issuer.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

/// A socket that listens; clients can connect, and wait until [`Server::serve`] runs.
pub struct Server {
    listening: Listening,
    options: Arc<ServerOptions>,
}

impl Listening {
    /// Listens on `address`. Port 0 takes a free port.
    ///
    /// # Errors
    /// [`BindError`] when the address cannot be had; it says what to do.
    pub async fn on(address: SocketAddr) -> Result<Self, BindError> {
        let (listener, address) = listener::bind(address).await?;
        Ok(Self { listener, address })
    }

    /// The address that clients connect to, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Server {
    /// Listens on `address`. Port 0 takes a free port.
    ///
    /// # Errors
    /// [`BindError`] when the address cannot be had; it says what to do.
    pub async fn bind(address: SocketAddr, options: ServerOptions) -> Result<Self, BindError> {
        Ok(Self::at(Listening::on(address).await?, options))
    }

    /// A server at an address that was taken before.
    pub fn at(listening: Listening, options: ServerOptions) -> Self {
        let options = Arc::new(options);
        Self { listening, options }
    }

    /// The address that clients connect to, with the port that was chosen.
    pub fn local_address(&self) -> SocketAddr {
        self.listening.address
    }

    /// Serves `router` until `shutdown` begins, then answers what has begun. Each request carries the peer's address
    /// as [`axum::extract::ConnectInfo`].
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
