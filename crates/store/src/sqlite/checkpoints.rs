//! Checkpoints: moving what the log holds into the file, beside the writer, so that the log stays bounded.
//!
//! A passive checkpoint disturbs nobody, but under steady writing it never catches up with the end of the log, and only
//! a log that was caught up with begins anew. So above a bound the writer is held for as long as the rest takes.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use tracing::{debug, warn};

use super::durable::Durable;
use super::errors;

pub(super) struct Checkpoints {
    /// Pages in the log, as the last commit that wrote left it.
    pages: AtomicU32,
    signal: Mutex<Signal>,
    wake: Condvar,
}

#[derive(Default)]
struct Signal {
    wanted: bool,
    stopped: bool,
}

/// Pages (of 4 KiB) from which a checkpoint is worth its syncs: 4 MiB, as SQLite itself would.
const WORTH: u32 = 1_000;
/// Pages from which the writer is held: 64 MiB.
const BOUND: u32 = 16_000;
/// The least time between two checkpoints, so that their syncs do not crowd out those of the commits.
const PAUSE: Duration = Duration::from_millis(250);

/// What the checkpointer works with.
struct Checkpointer<H> {
    checkpoints: Arc<Checkpoints>,
    connection: Connection,
    durable: Arc<Durable>,
    hold: H,
}

/// Starts the thread that checkpoints. `hold` does something while nobody writes.
pub(super) fn spawn(
    checkpoints: Arc<Checkpoints>,
    connection: Connection,
    durable: Arc<Durable>,
    hold: impl Fn(&mut dyn FnMut()) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let checkpointer = Checkpointer {
        checkpoints,
        connection,
        durable,
        hold,
    };
    let run = move || checkpointer.run();
    std::thread::Builder::new().name("store-checkpoint".into()).spawn(run)
}

impl Checkpoints {
    pub(super) fn new() -> Self {
        Self {
            pages: AtomicU32::new(0),
            signal: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    /// Notes how long the log is after a commit; 0 for one that wrote nothing.
    pub(super) fn note(&self, pages: u32) {
        if pages == 0 {
            return;
        }
        let before = self.pages.swap(pages, Ordering::Relaxed);
        // Once at the crossing of each bound; in between the thread asks by itself.
        if pages >= WORTH && before < WORTH || pages >= BOUND && before < BOUND {
            self.signal.lock().unwrap_or_else(PoisonError::into_inner).wanted = true;
            self.wake.notify_one();
        }
    }

    pub(super) fn stop(&self) {
        self.signal.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
        self.wake.notify_one();
    }

    /// Waits until a checkpoint is wanted, and no less than the pause. False when the database is being closed.
    fn wait(&self, settled: bool) -> bool {
        let mut signal = self.signal.lock().unwrap_or_else(PoisonError::into_inner);
        while settled && !signal.wanted && !signal.stopped {
            signal = self.wake.wait(signal).unwrap_or_else(PoisonError::into_inner);
        }
        if !settled && !signal.stopped && self.pages.load(Ordering::Relaxed) < BOUND {
            signal = self
                .wake
                .wait_timeout(signal, PAUSE)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        signal.wanted = false;
        !signal.stopped
    }
}

impl<H: Fn(&mut dyn FnMut())> Checkpointer<H> {
    fn run(&self) {
        let mut settled = true;
        while self.checkpoints.wait(settled) && self.durable.sound().is_ok() {
            settled = match self.checkpoint() {
                Ok(caught_up) => caught_up,
                Err(why) if errors::passes(&why) => {
                    warn!(%why, "postponed a checkpoint of the database");
                    false
                }
                // A checkpoint syncs the log too: what is not on disk now may never be.
                Err(why) => return self.durable.fail(&why),
            };
        }
    }

    /// Whether the log was caught up with.
    fn checkpoint(&self) -> rusqlite::Result<bool> {
        let (logged, moved) = run(&self.connection, CheckpointMode::PASSIVE)?;
        debug!(logged, moved, "checkpoint");
        if self.checkpoints.pages.load(Ordering::Relaxed) < BOUND {
            return Ok(logged == moved);
        }
        let mut outcome = Ok(false);
        (self.hold)(&mut || outcome = self.restart());
        outcome
    }

    fn restart(&self) -> rusqlite::Result<bool> {
        let (logged, moved) = run(&self.connection, CheckpointMode::RESTART)?;
        debug!(logged, moved, "checkpoint with the writer held");
        // The next commit writes at the beginning again.
        self.checkpoints.pages.store(0, Ordering::Relaxed);
        Ok(logged == moved)
    }
}

fn run(connection: &Connection, mode: CheckpointMode) -> rusqlite::Result<(i32, i32)> {
    connection.wal_checkpoint_v2(None::<&str>, mode)
}
