use std::sync::atomic::{AtomicUsize, Ordering};

use prometheus_client::registry::Registry;
use uuid::Uuid;

use super::*;

fn pool(workers: usize, queue: usize) -> Pool {
    let size = PoolSize {
        idle: Duration::from_millis(20),
        ..PoolSize::new(workers, queue, 64)
    };
    Pool::start(size, HashingMetrics::registered(&mut Registry::default())).expect("threads can be started")
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
async fn x_52_aborted_requests_do_not_raise_the_number_of_concurrent_hashes() {
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
    assert_eq!(pool.shared.meter.depth.get(), 0, "all have left, so none waits");
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

/// Waits in a lane, and records its name when it runs.
fn wait_in(
    pool: &Arc<Pool>,
    (lane, name): (Lane, &'static str),
    said: &Arc<Mutex<Vec<&'static str>>>,
) -> tokio::task::JoinHandle<Result<(), HashError>> {
    let (pool, said) = (Arc::clone(pool), Arc::clone(said));
    tokio::spawn(async move { pool.run(lane, move |_| said.lock().unwrap().push(name)).await })
}

#[tokio::test]
async fn unknown_clients_never_fill_the_lane_of_known_ones_and_neither_starves() {
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
async fn no_job_waits_longer_than_the_maximum() {
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
async fn f_20_hashing_memory_is_reused_and_released_when_idle() {
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

#[tokio::test]
async fn a_job_is_counted_before_its_caller_knows_the_result() {
    let mut registry = Registry::default();
    let pool = Pool::start(PoolSize::new(1, 1, 64), HashingMetrics::registered(&mut registry))
        .expect("a thread can be started");
    for number in 1..=200 {
        let done = pool
            .run(Lane::Others, move |_| {
                assert!(number % 2 == 1, "every other job panics");
            })
            .await;
        assert_eq!(done.is_ok(), number % 2 == 1);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("a string takes any text");
        for expected in [
            format!("hashing_duration_seconds_count {number}\n"),
            "hashing_running 0\n".to_owned(),
        ] {
            assert!(text.contains(&expected), "{expected}: {text}");
        }
        let panicked = format!("hashing_rejected_total{{reason=\"panicked\"}} {}\n", number / 2);
        assert!(number == 1 || text.contains(&panicked), "{panicked}: {text}");
    }
}
