//! What is counted of the lists, and what is read of them when somebody asks.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Revocations;
use crate::core::clock::Timestamp;
use crate::core::metrics::Register;

/// The counters of the lists. Clones count together.
#[derive(Clone, Default)]
pub struct RevocationMetrics {
    /// 1 while others wake this process, so that it need not look so often by itself.
    pub(super) feed_up: Gauge,
    pub(super) hints: Counter,
    /// Who waits for a change just now.
    pub(super) waiters: Gauge,
    waiters_refused: Family<[(&'static str, &'static str); 1], Counter>,
    list_age: Gauge<f64, AtomicU64>,
    /// When all revocations of the database were last known, in milliseconds.
    seen_at: Arc<AtomicI64>,
}

/// Why somebody may not wait.
#[derive(Clone, Copy)]
pub(super) enum Refused {
    Total,
    Address,
}

/// Counts one who waits, until it is dropped.
pub(super) struct Waiting(Gauge);

impl RevocationMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.add("revocation_feed_up", metrics.feed_up.clone());
        registry.add("revocation_hints", metrics.hints.clone());
        registry.add("status_list_waiters", metrics.waiters.clone());
        registry.add("status_list_waiters_refused", metrics.waiters_refused.clone());
        registry.add("status_list_age_seconds", metrics.list_age.clone());
        metrics
    }

    pub(super) fn saw_all(&self, now: Timestamp) {
        self.seen_at.store(now.millis(), Ordering::Relaxed);
    }

    pub(super) fn handed_out(&self, age: Duration) {
        self.list_age.set(age.as_secs_f64());
    }

    pub(super) fn refused(&self, refused: Refused) {
        let reason = match refused {
            Refused::Total => "total",
            Refused::Address => "address",
        };
        self.waiters_refused.get_or_create(&[("reason", reason)]).inc();
    }

    pub(super) fn waits(&self) -> Waiting {
        self.waiters.inc();
        Waiting(self.waiters.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Revocations {
    /// How long ago all revocations of the database were last known here.
    pub fn lag(&self) -> Duration {
        let seen_at = self.0.options.metrics.seen_at.load(Ordering::Relaxed);
        Duration::from_millis(u64::try_from(self.0.clock.now().millis() - seen_at).unwrap_or(0))
    }

    /// How many lists there are in memory.
    pub fn list_count(&self) -> usize {
        self.0.lists.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
