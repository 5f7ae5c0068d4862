//! Metrics of the lists.

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

/// The metrics of the lists. Clones share their values.
#[derive(Clone, Default)]
pub struct RevocationMetrics {
    /// 1 while hints from other processes can be received, so that polling can be less frequent.
    pub(super) feed_up: Gauge,
    pub(super) hints: Counter,
    /// The number of clients that are waiting for a change.
    pub(super) waiters: Gauge,
    waiters_refused: Family<[(&'static str, &'static str); 1], Counter>,
    list_age: Gauge<f64, AtomicU64>,
    /// When all revocations in the database were last known, in milliseconds.
    seen_at: Arc<AtomicI64>,
}

/// Why a client may not wait.
#[derive(Clone, Copy)]
pub(super) enum Refused {
    Total,
    Address,
}

/// Counts a waiting client until it is dropped.
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
    /// Returns how long ago all revocations in the database were last known here.
    pub fn lag(&self) -> Duration {
        let seen_at = self.0.options.metrics.seen_at.load(Ordering::Relaxed);
        Duration::from_millis(u64::try_from(self.0.clock.now().millis() - seen_at).unwrap_or(0))
    }

    /// Returns the number of lists in memory.
    pub fn list_count(&self) -> usize {
        self.0.lists.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
