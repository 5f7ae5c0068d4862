//! Checkpoints: moving the log's pages into the database file, alongside the writer, so that the log stays small.
//!
//! A passive checkpoint blocks no one, but under constant writing it never reaches the end of the log, and only then does
//! the log restart from the beginning. Above a limit, the writer is therefore paused until the checkpoint is complete.

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
    /// The number of pages in the log after the last commit that wrote.
    pages: AtomicU32,
    signal: Mutex<Signal>,
    wake: Condvar,
}

#[derive(Default)]
struct Signal {
    wanted: bool,
    stopped: bool,
}

/// The number of pages (of 4 KiB) that make a checkpoint worth its syncs: 4 MiB, as in SQLite itself.
const WORTH: u32 = 1_000;
/// The number of pages above which the writer is paused: 64 MiB.
const BOUND: u32 = 16_000;
/// The minimum time between two checkpoints, so that their syncs do not delay those of commits.
const PAUSE: Duration = Duration::from_millis(250);

/// The state of the checkpoint thread.
struct Checkpointer<H> {
    checkpoints: Arc<Checkpoints>,
    connection: Connection,
    durable: Arc<Durable>,
    hold: H,
}

/// Starts the checkpoint thread. `hold` runs a function while the writer is paused.
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

    /// Records the length of the log after a commit; 0 for one that wrote nothing.
    pub(super) fn note(&self, pages: u32) {
        if pages == 0 {
            return;
        }
        let before = self.pages.swap(pages, Ordering::Relaxed);
        // Signals once when a limit is crossed; in between, the thread checks by itself.
        if pages >= WORTH && before < WORTH || pages >= BOUND && before < BOUND {
            self.signal.lock().unwrap_or_else(PoisonError::into_inner).wanted = true;
            self.wake.notify_one();
        }
    }

    pub(super) fn stop(&self) {
        self.signal.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
        self.wake.notify_one();
    }

    /// Waits until a checkpoint is due, at least for the pause. Returns false if the database is being closed.
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
                // A checkpoint syncs the log too. After a failed sync, data may never reach the disk.
                Err(why) => return self.durable.fail(&why),
            };
        }
    }

    /// Returns whether the end of the log was reached.
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
        // The next commit writes at the beginning of the log.
        self.checkpoints.pages.store(0, Ordering::Relaxed);
        Ok(logged == moved)
    }
}

fn run(connection: &Connection, mode: CheckpointMode) -> rusqlite::Result<(i32, i32)> {
    connection.wal_checkpoint_v2(None::<&str>, mode)
}
