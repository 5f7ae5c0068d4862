//! How long a connection may take for each of its steps, and how many there may be.

use std::time::Duration;

use super::capacity;

/// The limits of a server.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// From the first byte of a request (or from the connection's begin) to the end of its headers.
    pub header_timeout: Duration,
    /// How long a client may leave an answer unread before the connection is closed. (The limit of the same name on
    /// the body of a request stands in the layers.)
    pub body_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long requests that have begun may take after the server was told to stop.
    pub drain_timeout: Duration,
    /// How long connections are still accepted after `/readyz` has said no, for balancers that ask only now and then.
    pub lame_duck: Duration,
    /// Connections in all. The limit on open files may lower it.
    pub max_connections: usize,
    /// Connections of one IPv4 address, or of one IPv6 /64.
    pub max_connections_per_address: usize,
}

impl ConnectionLimits {
    /// How many connections there can be: as many as were asked for, or as the hard limit on open files allows.
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

/// After the server was told to stop, a connection on which no whole head has come is closed after this. Not at once: a
/// request that is under way at that very moment is answered, with `Connection: close`, instead of lost.
pub(super) const FINAL_WAIT: Duration = Duration::from_secs(1);

/// How long a closed connection is read on, so that the client can read our last answer (RFC 9112 §9.6).
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// What one head may measure, its request line included, before it is answered 431.
pub(super) const MAX_HEAD_BYTES: usize = 16 * 1024;
