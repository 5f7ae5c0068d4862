//! Metrics of connections.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::limiter::Refused;
use super::timer::Timeout;
use crate::core::metrics::Register;

/// The connection counters. Clones share them.
#[derive(Clone)]
pub struct ConnectionMetrics {
    open: Gauge,
    refused: Family<Reason, Counter>,
    timeout: Family<Reason, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

impl ConnectionMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            open: Gauge::default(),
            refused: Family::default(),
            timeout: Family::default(),
        };
        registry.add("connections_open", metrics.open.clone());
        registry.add("connections_refused", metrics.refused.clone());
        registry.add("connections_timed_out", metrics.timeout.clone());
        metrics
    }

    pub(super) fn opened(&self) {
        self.open.inc();
    }

    pub(super) fn closed(&self) {
        self.open.dec();
    }

    pub(super) fn refused(&self, refused: Refused) {
        let reason = match refused {
            Refused::Full => "total",
            Refused::AddressFull => "address",
            Refused::ClientFull => "client",
        };
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    pub(super) fn timeout(&self, timeout: Timeout) {
        let reason = match timeout {
            Timeout::Head => "send_headers",
            Timeout::Idle => "send_next_request",
            Timeout::Unread => "read_response",
            Timeout::Close => "close",
        };
        self.timeout.get_or_create(&Reason { reason }).inc();
    }
}
