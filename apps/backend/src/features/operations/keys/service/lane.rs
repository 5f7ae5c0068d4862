//! A bounded lane for RSA signatures, which take a hundred times as long as those on P-256: away from the threads that serve
//! requests, at most one per core at a time, and refused when too many wait.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::core::metrics::Register;

/// How many signatures may wait for each one that runs: a fifth of a second's work.
const WAITING: usize = 100;

/// The lane. Cloning is cheap.
#[derive(Clone)]
pub(super) struct Lane {
    /// A place for each signature that waits or runs.
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
    metrics: LaneMetrics,
}

/// The metrics of the lane, `countersign_rsa_signing_…`.
#[derive(Clone)]
struct LaneMetrics {
    /// Seconds from start to end.
    duration: Histogram,
    /// Signatures that were refused, because the lane was full.
    rejected: Counter,
}

/// A place in the lane, for one signature.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// The lane is full, or the program is ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Lane {
    pub(super) fn new() -> Self {
        Self::of(available_parallelism().map_or(1, std::num::NonZero::get), WAITING)
    }

    fn of(workers: usize, waiting: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(workers * (1 + waiting))),
            running: Arc::new(Semaphore::new(workers)),
            metrics: LaneMetrics {
                // 0.5 ms to 1 s.
                duration: Histogram::new(exponential_buckets(0.0005, 2.0, 12)),
                rejected: Counter::default(),
            },
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.add("rsa_signing_duration_seconds", self.metrics.duration.clone());
        registry.add("rsa_signing_rejected", self.metrics.rejected.clone());
    }

    /// Takes a place, so that a later signature is not refused. Dropping the place frees it.
    pub(super) fn reserve(&self) -> Result<Place, Full> {
        fail::fail_point!("rsa_lane::full", |_| Err(Full));
        let place = self.places.clone().try_acquire_owned();
        place.map(|permit| Place { _permit: permit }).map_err(|_| {
            self.metrics.rejected.inc();
            Full
        })
    }

    /// Runs `work` at a place, on a blocking thread.
    ///
    /// The thread holds both permits until `work` is done, even if the caller is gone by then, so that no more than one
    /// per core ever run (security requirement X-52).
    #[expect(clippy::disallowed_methods, reason = "bounded by `running`: one thread per core")]
    pub(super) async fn run<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Full> {
        let running = self.running.clone().acquire_owned().await.map_err(|_| Full)?;
        let duration = self.metrics.duration.clone();
        let work = move || {
            let started = Instant::now();
            let done = work();
            duration.observe(started.elapsed().as_secs_f64());
            drop((running, place));
            done
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => Ok(done),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(Full),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::Lane;

    #[tokio::test]
    async fn a_full_lane_refuses_and_an_abandoned_signature_keeps_its_place_until_it_is_done() {
        let lane = Lane::of(1, 1);
        let (release, held) = mpsc::channel::<()>();
        let (started, running) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let lane = lane.clone();
            async move {
                let place = lane.reserve()?;
                lane.run(place, move || {
                    let _ = started.send(());
                    let _ = held.recv();
                })
                .await
            }
        });
        running.await.unwrap();
        // Its caller leaves, but its thread is still busy.
        first.abort();
        let _ = first.await;
        let second = tokio::spawn({
            let lane = lane.clone();
            async move { lane.run(lane.reserve()?, || 2).await }
        });
        while lane.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(lane.reserve().is_err());
        assert_eq!(lane.metrics.rejected.get(), 1);
        release.send(()).unwrap();
        assert_eq!(second.await.unwrap(), Ok(2));
        // A place that is not used is free again.
        drop(lane.reserve().unwrap());
        let place = lane.reserve().unwrap();
        assert_eq!(lane.run(place, || 4).await, Ok(4));
    }
}
