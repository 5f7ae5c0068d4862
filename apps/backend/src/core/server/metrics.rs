//! What is counted of connections.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::admission::Refused;
use super::watch::Overdue;
use crate::core::metrics::Register;

/// The counters of connections. Clones count together.
#[derive(Clone)]
pub struct Metrics {
    open: Gauge,
    refused: Family<Reason, Counter>,
    overdue: Family<Reason, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

impl Metrics {
    /// The counters, registered.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            open: Gauge::default(),
            refused: Family::default(),
            overdue: Family::default(),
        };
        registry.add("connections_open", metrics.open.clone());
        registry.add("connections_refused", metrics.refused.clone());
        registry.add("connections_overdue", metrics.overdue.clone());
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

    pub(super) fn overdue(&self, overdue: Overdue) {
        let reason = match overdue {
            Overdue::Head => "send_headers",
            Overdue::Idle => "send_next_request",
            Overdue::Unread => "read_answer",
            Overdue::Close => "close",
        };
        self.overdue.get_or_create(&Reason { reason }).inc();
    }
}
