//! What the outside sees of the hashing pool.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The pool's metrics, `countersign_hashing_…`.
#[derive(Clone)]
pub(super) struct Meter {
    /// Jobs that wait.
    pub(super) depth: Gauge,
    /// Jobs that run.
    pub(super) running: Gauge,
    /// Bytes that the threads hold for hashing.
    pub(super) memory: Gauge,
    /// Seconds from asking to starting.
    pub(super) wait: Histogram,
    /// Seconds from starting to done.
    pub(super) duration: Histogram,
    rejected: Family<[(&'static str, &'static str); 1], Counter>,
}

/// Why a job was not done.
#[derive(Clone, Copy)]
pub(super) enum Rejection {
    QueueFull,
    TooLate,
    CallerLeft,
    Stopped,
    Panicked,
}

impl Meter {
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
        };
        let name = |rest| format!("countersign_hashing_{rest}");
        registry.register(
            name("queue_depth"),
            "Password hashes that wait for a thread",
            meter.depth.clone(),
        );
        registry.register(name("running"), "Password hashes being computed", meter.running.clone());
        registry.register(
            name("memory_bytes"),
            "Memory held for password hashing",
            meter.memory.clone(),
        );
        registry.register(
            name("wait_seconds"),
            "Time a password hash waited for a thread",
            meter.wait.clone(),
        );
        registry.register(
            name("duration_seconds"),
            "Time a password hash took",
            meter.duration.clone(),
        );
        registry.register(
            name("rejected"),
            "Password hashes not done, by reason",
            meter.rejected.clone(),
        );
        meter
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
