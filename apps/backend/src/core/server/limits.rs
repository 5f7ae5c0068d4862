//! Limits on the duration and number of connections.

use std::time::Duration;

use super::capacity;

/// The limits of a server.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// The time from the first byte of a request (or from the start of the connection) to the end of its headers.
    pub header_timeout: Duration,
    /// How long a client may stop reading a response before the connection is closed. (The limit on request bodies of
    /// the same name is in the layers.)
    pub body_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long requests in progress may take after the server was told to stop.
    pub drain_timeout: Duration,
    /// How long connections are still accepted after `/readyz` reports not ready, for load balancers that check
    /// infrequently.
    pub lame_duck: Duration,
    /// The maximum number of connections. The limit on open files may reduce it.
    pub max_connections: usize,
    /// The maximum number of connections of one IPv4 address or one IPv6 /64.
    pub max_connections_per_address: usize,
}

impl ConnectionLimits {
    /// Returns the maximum number of connections that the configuration and the hard limit on open files allow.
    #[must_use]
    pub fn room(&self) -> usize {
        capacity::room(self.max_connections)
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(10),
            lame_duck: Duration::ZERO,
            max_connections: 10_000,
            max_connections_per_address: 256,
        }
    }
}

/// How long after a stop signal a connection without a complete head is closed. Not at once, so that a request arriving
/// at that moment is answered, with `Connection: close`, rather than lost.
pub(super) const FINAL_WAIT: Duration = Duration::from_secs(1);

/// How long reading continues on a closed connection, so that the client can receive the last response (RFC 9112 §9.6).
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// The maximum size of a head, including the request line. A larger one gets 431.
pub(super) const MAX_HEAD_BYTES: usize = 16 * 1024;
