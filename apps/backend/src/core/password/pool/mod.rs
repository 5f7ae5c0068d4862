//! A fixed number of threads behind two bounded queues. It decides which jobs wait, are rejected or are dropped, and
//! does not depend on what they compute.
//!
//! It does not use `spawn_blocking`: a permit held by a request's future is released when the client disconnects,
//! although the hash is still being computed, so such a limit leaks (security requirement X-52). Here, the thread is the permit.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;
use tracing::{Span, debug_span};

use super::error::HashError;
use super::memory::Memory;
use super::metrics::{HashingMetrics, Rejection};
use super::queue::{Job, Lane, Queue, Work};

/// The value of `Retry-After` for rejected jobs: about the time that a full queue takes.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// The maximum wait for a thread. A job that is already running is finished.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The time after which an idle thread releases its memory.
const IDLE: Duration = Duration::from_secs(5);
/// The increase in niceness of hashing threads relative to request threads; the maximum niceness is 19 (nice(1)). With less,
/// request threads wait longer for their core; with more, a busy program beside the server delays a sign-in by more than a
/// second (bench/results/storm.md).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 16;

/// The size of a pool.
#[derive(Clone, Copy)]
pub(super) struct PoolSize {
    pub(super) workers: usize,
    /// The number of jobs that may wait in each lane, for all workers together. At least one, because every job waits
    /// briefly.
    pub(super) queue: usize,
    /// The number of memory blocks that a worker keeps between two jobs.
    pub(super) usual_blocks: usize,
    /// How long an idle worker keeps them.
    pub(super) idle: Duration,
}

impl PoolSize {
    pub(super) fn new(workers: usize, queue: usize, usual_blocks: usize) -> Self {
        Self {
            workers: workers.max(1),
            queue: queue.max(1),
            usual_blocks,
            idle: IDLE,
        }
    }
}

/// A handle to the pool. Dropping it stops the threads once the waiting jobs are done.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

impl Pool {
    pub(super) fn start(size: PoolSize, meter: HashingMetrics) -> io::Result<Self> {
        let pool = Self {
            shared: Arc::new(Shared::new(size, meter)),
        };
        for number in 0..size.workers {
            let shared = Arc::clone(&pool.shared);
            // Counted before it runs, so that a stop immediately after the start waits for it.
            shared.queue().workers += 1;
            let spawned = thread::Builder::new()
                .name(format!("hashing-{number}"))
                .spawn(move || shared.work());
            if let Err(error) = spawned {
                pool.shared.worker_ended();
                return Err(error);
            }
        }
        Ok(pool)
    }

    /// Runs `work` on one of the threads. If the returned future is dropped, a waiting job is removed and its slot is
    /// free at once; a running job is finished.
    pub(super) async fn run<T, W>(&self, lane: Lane, work: W) -> Result<T, HashError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Memory) -> T + Send + 'static,
    {
        let (answer, mut answered) = oneshot::channel();
        // A job logs within the request that submitted it.
        let span = Span::current();
        let waiting = debug_span!("wait for a hashing thread");
        let work = Box::new(move |memory: &mut Memory, meter: &HashingMetrics| {
            // With the spans inside, because a subscriber may panic when one ends.
            let hash = move || {
                drop(waiting);
                span.in_scope(|| debug_span!("hash a password").in_scope(|| work(memory)))
            };
            // Counted before the caller knows the result.
            if let Some(done) = meter.measure(hash) {
                // The caller may have been dropped while this ran.
                let _ = answer.send(done);
            }
        });
        let place = self.shared.enqueue(lane, work)?;
        let done = match timeout(LONGEST_WAIT, &mut answered).await {
            Ok(done) => done,
            Err(_) if place.give_up(Rejection::TooLate) => return Err(HashError::overloaded(RETRY_AFTER)),
            Err(_) => answered.await,
        };
        done.map_err(|_| HashError::Failed)
    }

    /// Stops accepting jobs, and returns when the waiting ones are done.
    pub(super) async fn drain(&self) {
        self.shared.close();
        loop {
            let ended = self.shared.ended.notified();
            if self.shared.queue().workers == 0 {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.close();
    }
}

struct Shared {
    queue: Mutex<Queue>,
    more: Condvar,
    ended: Notify,
    size: PoolSize,
    meter: HashingMetrics,
}

impl Shared {
    fn new(size: PoolSize, meter: HashingMetrics) -> Self {
        Self {
            queue: Mutex::default(),
            more: Condvar::new(),
            ended: Notify::new(),
            size,
            meter,
        }
    }

    fn enqueue(&self, lane: Lane, work: Work) -> Result<Place<'_>, HashError> {
        let mut queue = self.queue();
        if queue.closed {
            self.meter.reject(Rejection::Stopped);
            return Err(HashError::Stopped);
        }
        let lane = queue.admitted(lane);
        if queue.lane(lane).len() >= self.size.queue {
            self.meter.reject(Rejection::QueueFull);
            return Err(HashError::overloaded(RETRY_AFTER));
        }
        let since = Instant::now();
        let ticket = queue.insert(lane, Job { work, since, lane });
        self.meter.queued(lane.name());
        drop(queue);
        self.more.notify_one();
        Ok(Place {
            shared: self,
            lane,
            ticket,
        })
    }

    /// Runs jobs on one thread until the pool is closed.
    fn work(&self) {
        step_back();
        let mut memory = Memory::new(self.meter.memory.clone());
        while let Some(job) = self.next(&mut memory) {
            self.meter.wait.observe(job.since.elapsed().as_secs_f64());
            (job.work)(&mut memory, &self.meter);
            memory.give_back_beyond(self.size.usual_blocks);
        }
        drop(memory);
        self.worker_ended();
    }

    /// Waits for a job. `None` when the pool is closed and no job is waiting.
    fn next(&self, memory: &mut Memory) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if let Some(job) = queue.take() {
                self.meter.depth.dec();
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            if !memory.is_held() {
                queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (again, waited) = self
                .more
                .wait_timeout(queue, self.size.idle)
                .unwrap_or_else(PoisonError::into_inner);
            queue = again;
            if waited.timed_out() {
                memory.give_back();
            }
        }
    }

    fn close(&self) {
        self.queue().closed = true;
        self.more.notify_all();
    }

    fn worker_ended(&self) {
        self.queue().workers -= 1;
        self.ended.notify_waiters();
    }

    /// Locks the queue. Poisoning is ignored, because no code panics while holding the lock.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller's place in the queue, released when the caller is dropped.
struct Place<'a> {
    shared: &'a Shared,
    lane: Lane,
    ticket: u64,
}

impl Place<'_> {
    /// Removes the job if it is still waiting, and returns whether it was.
    fn give_up(&self, reason: Rejection) -> bool {
        let forgotten = self.shared.queue().remove(self.lane, self.ticket).is_some();
        if forgotten {
            self.shared.meter.depth.dec();
            self.shared.meter.reject(reason);
        }
        forgotten
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.give_up(Rejection::CallerLeft);
    }
}

/// Lowers the priority of this thread; on Linux, only of this one. If the system forbids it, the priority stays.
#[cfg(target_os = "linux")]
fn step_back() {
    use rustix::process::{getpriority_process, setpriority_process};
    let lower = getpriority_process(None).and_then(|nice| setpriority_process(None, (nice + NICENESS).min(19)));
    if let Err(error) = lower {
        tracing::warn!(%error, "failed to lower the priority of the hashing threads; they run at normal priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

#[cfg(test)]
mod tests;
