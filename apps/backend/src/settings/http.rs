//! `[http]`: how long a connection may take, and how many there may be.

use std::time::Duration;

use super::section::section;
use super::value_error::ValueError;
use super::values::Values;

section! {
    /// Timeouts and connection limits. Unless stated otherwise, timeouts are 100ms to 1h.
    Http "http." {
        /// How long a client may take to send the headers of a request.
        header_timeout: Duration = "10s",
        /// How long a client may take to send the body of a request.
        body_timeout: Duration = "15s",
        /// How long a connection may be idle between requests.
        idle_timeout: Duration = "60s",
        /// How long the server may take to respond to a request.
        request_timeout: Duration = "30s",
        /// How long the server keeps accepting connections after it has begun to shut down and `/readyz` fails, 0s to 1h.
        /// Set it to the time that a load balancer takes to notice.
        lame_duck: Duration = "0s",
        /// How long requests in progress may continue while the server shuts down. If the orchestrator kills the process
        /// sooner, these requests are cut off.
        drain_timeout: Duration = "10s",
        /// The maximum number of open connections, 1 to 1000000. Verifiers that long-poll a status list use at most half
        /// of them; beyond that, they get an immediate response. Each connection needs a file descriptor, so the
        /// process's limit on open files applies too.
        max_connections: usize = "10000",
        /// The maximum number of connections per IP address, 1 up to `max_connections`. For clients behind a proxy in
        /// `trusted_proxies`, this setting limits concurrent requests instead. At most half of the number may long-poll a
        /// status list.
        max_connections_per_address: usize = "256",
    }
}

impl Http {
    pub(super) fn check(&self, values: &mut Values) {
        let times = [
            ("http.header_timeout", self.header_timeout),
            ("http.body_timeout", self.body_timeout),
            ("http.idle_timeout", self.idle_timeout),
            ("http.request_timeout", self.request_timeout),
            ("http.drain_timeout", self.drain_timeout),
        ];
        for (name, time) in times {
            values.within(name, time, Duration::from_millis(100)..=Duration::from_secs(3600));
        }
        values.within(
            "http.lame_duck",
            self.lame_duck,
            Duration::ZERO..=Duration::from_secs(3600),
        );
        values.within("http.max_connections", self.max_connections, 1..=1_000_000);
        values.within(
            "http.max_connections_per_address",
            self.max_connections_per_address,
            1..=1_000_000,
        );
        values.require(
            self.max_connections_per_address <= self.max_connections,
            &["http.max_connections_per_address", "http.max_connections"],
            ValueError::new(
                "one IP address could have more connections than max_connections allows in total",
                "use at most max_connections",
            ),
        );
    }
}
