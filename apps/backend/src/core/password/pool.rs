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
use super::metrics::{Meter, Rejection};
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
    pub(super) fn start(size: PoolSize, meter: Meter) -> io::Result<Self> {
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
    meter: Meter,
}

impl Shared {
    fn new(size: PoolSize, meter: Meter) -> Self {
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
        tracing::warn!(%error, "hashing threads run at the same priority as the others");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use prometheus_client::registry::Registry;
    use uuid::Uuid;

    use super::*;

    fn pool(workers: usize, queue: usize) -> Pool {
        let size = PoolSize {
            idle: Duration::from_millis(20),
            ..PoolSize::new(workers, queue, 64)
        };
        Pool::start(size, Meter::registered(&mut Registry::default())).expect("threads can be started")
    }

    /// Keeps every worker busy until the returned senders are dropped.
    async fn occupy(pool: &Arc<Pool>, workers: usize) -> Vec<std::sync::mpsc::Sender<()>> {
        let mut holds = Vec::new();
        for _ in 0..workers {
            let (hold, held) = std::sync::mpsc::channel::<()>();
            let (started, has_started) = oneshot::channel();
            let pool = Arc::clone(pool);
            tokio::spawn(async move {
                pool.run(Lane::Others, move |_| {
                    let _ = started.send(());
                    let _ = held.recv();
                })
                .await
            });
            has_started.await.expect("it runs");
            holds.push(hold);
        }
        holds
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn x_52_callers_that_hang_up_never_raise_the_number_of_hashes() {
        let pool = Arc::new(pool(3, 64));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let callers: Vec<_> = (0..500)
            .map(|_| {
                let (pool, running, most) = (Arc::clone(&pool), Arc::clone(&running), Arc::clone(&most));
                tokio::spawn(async move {
                    let job = move |_: &mut Memory| {
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        #[expect(clippy::disallowed_methods, reason = "the job stands for a hash")]
                        thread::sleep(Duration::from_millis(8));
                        running.fetch_sub(1, Ordering::SeqCst);
                    };
                    let _ = timeout(Duration::from_millis(5), pool.run(Lane::Others, job)).await;
                })
            })
            .collect();
        for caller in callers {
            caller.await.expect("no caller panics");
        }
        assert_eq!(pool.shared.meter.depth.get(), 0, "all have left, so nobody waits");
        assert!(
            (1..=3).contains(&most.load(Ordering::SeqCst)),
            "{} ran at once",
            most.load(Ordering::SeqCst)
        );
        assert_eq!(pool.run(Lane::Others, |_| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_full_queue_turns_away_at_once_and_a_caller_that_left_frees_its_place() {
        let pool = Arc::new(pool(1, 2));
        let hold = occupy(&pool, 1).await;
        let wait = |pool: &Arc<Pool>| {
            let pool = Arc::clone(pool);
            tokio::spawn(async move { pool.run(Lane::Others, |_| "done").await })
        };
        let (first, second) = (wait(&pool), wait(&pool));
        while pool.shared.meter.depth.get() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            pool.run(Lane::Others, |_| "done").await,
            Err(HashError::overloaded(RETRY_AFTER))
        );

        first.abort();
        assert!(first.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(pool.shared.meter.depth.get(), 1, "the place is free at once");
        let third = wait(&pool);
        while pool.shared.meter.depth.get() < 2 {
            tokio::task::yield_now().await;
        }
        drop(hold);
        assert_eq!(second.await.expect("no panic"), Ok("done"));
        assert_eq!(third.await.expect("no panic"), Ok("done"));
    }

    /// Waits in a lane, and says at its turn who it was.
    fn wait_in(
        pool: &Arc<Pool>,
        (lane, name): (Lane, &'static str),
        said: &Arc<Mutex<Vec<&'static str>>>,
    ) -> tokio::task::JoinHandle<Result<(), HashError>> {
        let (pool, said) = (Arc::clone(pool), Arc::clone(said));
        tokio::spawn(async move { pool.run(lane, move |_| said.lock().unwrap().push(name)).await })
    }

    #[tokio::test]
    async fn strangers_never_fill_the_lane_of_the_known_and_neither_starves() {
        let pool = Arc::new(pool(1, 8));
        let hold = occupy(&pool, 1).await;
        let said = Arc::default();
        let mut all = Vec::new();
        for _ in 0..8 {
            all.push(wait_in(&pool, (Lane::Others, "other"), &said));
            tokio::task::yield_now().await;
        }
        assert_eq!(
            pool.run(Lane::Others, |_| ()).await,
            Err(HashError::overloaded(RETRY_AFTER))
        );
        for account in 0..8 {
            all.push(wait_in(&pool, (Lane::Known(Uuid::from_u128(account)), "known"), &said));
            tokio::task::yield_now().await;
        }
        while pool.shared.meter.depth.get() < 16 {
            tokio::task::yield_now().await;
        }
        drop(hold);
        for waiting in all {
            assert_eq!(waiting.await.expect("no panic"), Ok(()));
        }
        let order = said.lock().unwrap().join(" ");
        let turn = "known known known other";
        assert_eq!(
            order,
            format!("{turn} {turn} known known other other other other other other")
        );
        assert!(pool.shared.queue().of_account.is_empty());
    }

    #[tokio::test]
    async fn one_account_has_few_places_among_the_known() {
        let pool = Arc::new(pool(1, 8));
        let hold = occupy(&pool, 1).await;
        let said = Arc::default();
        let (mine, other) = (Lane::Known(Uuid::from_u128(1)), Lane::Known(Uuid::from_u128(2)));
        let mut all = Vec::new();
        for name in ["1", "2", "3", "4", "5", "6"] {
            all.push(wait_in(&pool, (mine, name), &said));
            tokio::task::yield_now().await;
        }
        all.push(wait_in(&pool, (other, "other"), &said));
        while pool.shared.meter.depth.get() < 7 {
            tokio::task::yield_now().await;
        }
        drop(hold);
        for waiting in all {
            assert_eq!(waiting.await.expect("no panic"), Ok(()));
        }
        assert_eq!(said.lock().unwrap().join(" "), "1 2 3 5 4 other 6");
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_the_longest_wait() {
        let pool = Arc::new(pool(1, 2));
        let hold = occupy(&pool, 1).await;
        tokio::time::pause();
        let asked = tokio::time::Instant::now();
        assert_eq!(
            pool.run(Lane::Others, |_| ()).await,
            Err(HashError::overloaded(RETRY_AFTER))
        );
        assert_eq!(asked.elapsed().as_secs(), LONGEST_WAIT.as_secs());
        assert_eq!(pool.shared.meter.depth.get(), 0);
        drop(hold);
    }

    #[tokio::test]
    async fn a_job_that_panics_fails_alone() {
        let pool = pool(1, 2);
        assert_eq!(
            pool.run(Lane::Others, |_| -> () { panic!("on purpose") }).await,
            Err(HashError::Failed)
        );
        assert_eq!(pool.run(Lane::Others, |_| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn draining_does_what_waits_and_takes_nothing_more() {
        let pool = Arc::new(pool(2, 8));
        let hold = occupy(&pool, 2).await;
        let waiting = Arc::clone(&pool);
        let waiting = tokio::spawn(async move { waiting.run(Lane::Others, |_| "done").await });
        while pool.shared.meter.depth.get() < 1 {
            tokio::task::yield_now().await;
        }
        pool.shared.close();
        assert_eq!(pool.run(Lane::Others, |_| "never").await, Err(HashError::Stopped));
        drop(hold);
        pool.drain().await;
        assert_eq!(waiting.await.expect("no panic"), Ok("done"));
        assert_eq!(pool.shared.queue().workers, 0);
    }

    #[tokio::test]
    async fn f_20_memory_is_kept_for_the_next_job_and_given_back_when_idle() {
        let pool = pool(1, 2);
        let held = |memory: &mut Memory| memory.blocks(64).is_some();
        assert_eq!(pool.run(Lane::Others, held).await, Ok(true));
        assert_eq!(pool.shared.meter.memory.get(), 64 * 1024);
        while pool.shared.meter.memory.get() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(pool.run(Lane::Others, held).await, Ok(true));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashing_threads_are_less_urgent_than_the_others() {
        let nice = || rustix::process::getpriority_process(None).expect("a thread can ask for its own priority");
        let here = nice();
        let there = pool(1, 1).run(Lane::Others, move |_| nice()).await.expect("it runs");
        assert_eq!(there, (here + NICENESS).min(19));
        assert_eq!(nice(), here, "only the pool's threads step back");
    }
}
