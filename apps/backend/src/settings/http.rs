//! `[http]`: how long a connection may take, and how many there may be.

use std::time::Duration;

use super::section::section;
use super::value_error::ValueError;
use super::values::Values;

section! {
    /// How long a connection may take for what, and how many there may be. Each time is 100ms to 1h.
    Http "http." {
        /// Until a request's headers are complete.
        header_timeout: Duration = "10s",
        /// Until a request's body is complete.
        body_timeout: Duration = "15s",
        /// How long a connection may rest between two requests.
        idle_timeout: Duration = "60s",
        /// Until a request is answered.
        request_timeout: Duration = "30s",
        /// How long new connections are still accepted when the server is told to stop and `/readyz` says no, 0s to 1h:
        /// as long as a balancer takes to notice.
        lame_duck: Duration = "0s",
        /// How long requests that have begun may go on when the server is told to stop.
        #[danger = "an orchestrator that kills sooner than this cuts requests off"]
        drain_timeout: Duration = "10s",
        /// Connections at once, 1 to 1000000. Verifiers that wait for a change of a status list hold at most half of them;
        /// who comes beyond is answered at once.
        #[danger = "each one needs a file descriptor; the process's own limit holds too"]
        max_connections: usize = "10000",
        /// Connections at once from one address, 1 up to `max_connections`. Proxies of `trusted_proxies` are exempt; each
        /// client behind them has so many requests under way at most. Half of them may wait for a change of a status list.
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
                "lets one address have more connections than there are",
                "at most max_connections",
            ),
        );
    }
}
