//! A fixed number of threads behind two bounded queues. It decides who waits, who is turned away and who is forgotten;
//! what the jobs compute is not its business.
//!
//! Not `spawn_blocking`: a permit held by a request's future is freed when the client leaves while the hash runs on, so
//! any cap built that way leaks (SECURITY.md X-52). Here a thread is the permit.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
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

/// What `Retry-After` says to those who are turned away: a full queue is done in about this time.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Nobody waits longer for a thread; a job that runs already is finished.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A thread without work gives its memory back after this time.
const IDLE: Duration = Duration::from_secs(5);
/// How much less urgent hashing is than answering requests, on the scale of nice(1), which ends at 19.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// How large a pool is.
#[derive(Clone, Copy)]
pub(super) struct PoolSize {
    pub(super) workers: usize,
    /// Jobs that may wait in each lane, for all workers together; at least one, since every job waits for a moment.
    pub(super) queue: usize,
    /// Blocks of memory that a worker keeps between two jobs.
    pub(super) usual_blocks: usize,
    /// How long it keeps them without work.
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

/// The handle. Dropping it ends the threads, once the jobs that wait are done.
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
            // Counted before it runs, so that a stop right after the start waits for it.
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

    /// Runs `work` on one of the threads. When the returned future is dropped, a job that waits is forgotten and its
    /// place is free at once; a job that runs is finished.
    pub(super) async fn run<T, W>(&self, lane: Lane, work: W) -> Result<T, HashError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Memory) -> T + Send + 'static,
    {
        let (answer, mut answered) = oneshot::channel();
        // What a job logs is logged in the request that asked for it.
        let span = Span::current();
        let waiting = debug_span!("wait for a hashing thread");
        let work = Box::new(move |memory: &mut Memory| {
            drop(waiting);
            // The caller may have left while this ran.
            let _ = answer.send(span.in_scope(|| debug_span!("hash a password").in_scope(|| work(memory))));
        });
        let place = self.shared.enqueue(lane, work)?;
        let done = match timeout(LONGEST_WAIT, &mut answered).await {
            Ok(done) => done,
            Err(_) if place.give_up(Rejection::TooLate) => return Err(HashError::overloaded(RETRY_AFTER)),
            Err(_) => answered.await,
        };
        done.map_err(|_| HashError::Failed)
    }

    /// Takes no more jobs and returns when those that wait are done.
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
        self.meter.queued(lane);
        drop(queue);
        self.more.notify_one();
        Ok(Place {
            shared: self,
            lane,
            ticket,
        })
    }

    /// The life of one thread.
    fn work(&self) {
        step_back();
        let mut memory = Memory::new(self.meter.memory.clone());
        while let Some(job) = self.next(&mut memory) {
            let started = Instant::now();
            self.meter.wait.observe(started.duration_since(job.since).as_secs_f64());
            self.meter.running.inc();
            if catch_unwind(AssertUnwindSafe(|| (job.work)(&mut memory))).is_err() {
                self.meter.reject(Rejection::Panicked);
            }
            self.meter.running.dec();
            self.meter.duration.observe(started.elapsed().as_secs_f64());
            memory.give_back_beyond(self.size.usual_blocks);
        }
        drop(memory);
        self.worker_ended();
    }

    /// Waits for a job; none when the pool is closed and nothing waits.
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

    /// Nothing panics while it holds the lock, so a poisoned one is as good as any.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller's place in the queue. It is freed when the caller goes away.
struct Place<'a> {
    shared: &'a Shared,
    lane: Lane,
    ticket: u64,
}

impl Place<'_> {
    /// Whether the job still waited, and so was forgotten.
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

/// Makes this thread, and on Linux only this one, less urgent. A system that forbids it hashes at full urgency.
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
