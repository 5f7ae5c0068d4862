//! Metrics of the hashing pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::core::metrics::Register;

/// The pool's metrics, `countersign_hashing_…`.
#[derive(Clone)]
pub(super) struct HashingMetrics {
    pub(super) depth: Gauge,
    running: Gauge,
    /// Memory allocated by the threads for hashing, in bytes.
    pub(super) memory: Gauge,
    /// Seconds from request to start.
    pub(super) wait: Histogram,
    /// Seconds from start to end.
    duration: Histogram,
    rejected: Family<[(&'static str, &'static str); 1], Counter>,
    asked: Family<[(&'static str, &'static str); 1], Counter>,
    computed: Family<[(&'static str, &'static str); 1], Counter>,
}

/// Why a job was rejected.
#[derive(Clone, Copy)]
pub(super) enum Rejection {
    QueueFull,
    TooLate,
    CallerLeft,
    Stopped,
    Panicked,
}

impl HashingMetrics {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        // 1 ms to 8 s.
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let meter = Self {
            depth: Gauge::default(),
            running: Gauge::default(),
            memory: Gauge::default(),
            wait: seconds(),
            duration: seconds(),
            rejected: Family::default(),
            asked: Family::default(),
            computed: Family::default(),
        };
        registry.add("hashing_queue_depth", meter.depth.clone());
        registry.add("hashing_running", meter.running.clone());
        registry.add("hashing_memory_bytes", meter.memory.clone());
        registry.add("hashing_wait_seconds", meter.wait.clone());
        registry.add("hashing_duration_seconds", meter.duration.clone());
        registry.add("hashing_rejected", meter.rejected.clone());
        registry.add("hashing_requests", meter.asked.clone());
        registry.add("hashing_computed", meter.computed.clone());
        meter
    }

    /// Counts a job that is queued in this lane.
    pub(super) fn queued(&self, lane: &'static str) {
        self.depth.inc();
        self.asked.get_or_create(&[("lane", lane)]).inc();
    }

    /// Counts a hash computed with this scheme for verification.
    pub(super) fn computed(&self, scheme: &'static str) {
        self.computed.get_or_create(&[("scheme", scheme)]).inc();
    }

    /// Runs a job and measures it. Returns `None` if it panicked.
    pub(super) fn measure<T>(&self, job: impl FnOnce() -> T) -> Option<T> {
        let started = Instant::now();
        self.running.inc();
        let done = catch_unwind(AssertUnwindSafe(job));
        self.running.dec();
        self.duration.observe(started.elapsed().as_secs_f64());
        if done.is_err() {
            self.reject(Rejection::Panicked);
        }
        done.ok()
    }

    pub(super) fn reject(&self, rejection: Rejection) {
        let reason = match rejection {
            Rejection::QueueFull => "queue_full",
            Rejection::TooLate => "too_late",
            Rejection::CallerLeft => "caller_left",
            Rejection::Stopped => "stopped",
            Rejection::Panicked => "panicked",
        };
        self.rejected.get_or_create(&[("reason", reason)]).inc();
    }
}
