//! The writer, and the guard that ends its transactions.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};
use tokio::time::{Instant, sleep, timeout_at};

use super::checkpoints::Checkpoints;
use super::durable::{Durable, Ticket};
use super::errors;
use crate::StoreError;
use crate::options::PATIENCE;

pub(super) struct Writer {
    /// Tokio's mutex is fair: first come, first served. `None` once closed.
    connection: Mutex<Option<Connection>>,
    pub(super) durable: Arc<Durable>,
    pub(super) checkpoints: Arc<Checkpoints>,
    pub(super) waiting: AtomicUsize,
    /// Pages in the log after the last commit; 0 if that wrote none.
    logged: Arc<AtomicU32>,
    /// Whether commits share syncs; otherwise SQLite syncs each.
    shares_sync: bool,
    /// When and why the last writing commit failed; `None` since one succeeded.
    failure: std::sync::Mutex<Option<(Instant, String)>>,
}

/// How long readiness checks fail after a failed write before they try another: one page may fit where the next sign-in
/// does not.
const WARY: Duration = Duration::from_secs(10);

impl Writer {
    pub(super) fn new(
        mut connection: Connection,
        durable: Arc<Durable>,
        checkpoints: Arc<Checkpoints>,
        shares_sync: bool,
    ) -> Result<Self, StoreError> {
        let logged = Arc::new(AtomicU32::new(0));
        let seen = logged.clone();
        if shares_sync {
            // Only a commit that wrote calls the hook. It takes the place of SQLite's own automatic checkpoints.
            let hook = move |_: &mut rusqlite::hooks::Wal, pages: i32| {
                seen.store(pages.unsigned_abs(), Ordering::Relaxed);
                Ok(())
            };
            connection.wal_hook(Some(hook)).map_err(errors::store_error)?;
        }
        let connection = Mutex::new(Some(connection));
        Ok(Self {
            connection,
            durable,
            checkpoints,
            waiting: AtomicUsize::new(0),
            logged,
            shares_sync,
            failure: std::sync::Mutex::default(),
        })
    }

    /// Returns whether the next write is expected to succeed: this process is a server and its last write did not fail.
    ///
    /// # Errors
    /// If a write has just failed.
    pub(super) fn is_proven(&self) -> Result<bool, StoreError> {
        match &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((at, why)) if at.elapsed() < WARY => Err(StoreError::unavailable(why.clone())),
            failure => Ok(self.shares_sync && failure.is_none()),
        }
    }

    fn remember(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure.map(|why| (Instant::now(), why));
    }

    /// Acquires the writer and begins a transaction, within [`PATIENCE`] in total.
    pub(super) async fn begin(&self) -> Result<Open<'_>, StoreError> {
        self.durable.sound()?;
        let deadline = Instant::now() + PATIENCE;
        let guard = self.take(deadline).await?;
        let mut open = Open {
            connection: guard,
            writer: self,
            begun: false,
        };
        // A command may hold the write lock of the file. Wait as a task without blocking a thread.
        let mut pause = Duration::from_micros(500);
        loop {
            match open.begin() {
                Ok(()) => return Ok(open),
                Err(why) if !errors::is_busy(&why) || Instant::now() + pause > deadline => {
                    return Err(errors::store_error(why));
                }
                Err(_) => sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Runs the checkpointer's `work` while there are no writes. For threads outside the runtime.
    pub(super) fn pause(&self, work: impl FnOnce()) {
        let _writer = self.connection.blocking_lock();
        work();
    }

    /// Removes the connection permanently.
    pub(super) async fn retire(&self) -> Option<Connection> {
        self.connection.lock().await.take()
    }

    pub(super) fn is_at_work(&self) -> bool {
        self.connection.try_lock().is_err()
    }

    async fn take(&self, deadline: Instant) -> Result<MappedMutexGuard<'_, Connection>, StoreError> {
        let guard = match self.connection.try_lock() {
            Ok(guard) => guard,
            Err(_) => {
                let _waiting = Waiting::begin(&self.waiting);
                let taken = timeout_at(deadline, self.connection.lock()).await;
                taken.map_err(|_| StoreError::unavailable("the writer is busy"))?
            }
        };
        MutexGuard::try_map(guard, Option::as_mut).map_err(|_| StoreError::unavailable("the database is closed"))
    }
}

/// An open transaction. Dropping it without a commit rolls back.
pub(super) struct Open<'w> {
    connection: MappedMutexGuard<'w, Connection>,
    writer: &'w Writer,
    begun: bool,
}

impl Open<'_> {
    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Commits. Release the writer, then wait for the returned ticket.
    pub(super) fn commit(mut self) -> Result<Ticket, StoreError> {
        if self.connection.is_autocommit() {
            self.begun = false;
            return Err(StoreError::database("the transaction had ended before its commit"));
        }
        let ticket = self.writer.durable.announce()?;
        self.writer.logged.store(0, Ordering::Relaxed);
        let done = self.run("COMMIT");
        let pages = self.writer.logged.load(Ordering::Relaxed);
        // Without the hook, SQLite has synced itself, and there is nothing to wait for.
        self.writer
            .durable
            .complete(ticket, self.writer.shares_sync && pages > 0);
        self.writer.checkpoints.note(pages);
        match done {
            Ok(()) => {
                self.begun = false;
                if pages > 0 {
                    self.writer.remember(None);
                }
                Ok(ticket)
            }
            Err(why) => {
                self.writer.watch(&why);
                Err(errors::store_error(why))
            }
        }
    }

    fn begin(&mut self) -> rusqlite::Result<()> {
        self.run("BEGIN IMMEDIATE")?;
        self.begun = true;
        Ok(())
    }

    fn run(&self, statement: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(statement)?.execute([]).map(drop)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.begun || self.connection.is_autocommit() {
            return;
        }
        if let Err(why) = self.run("ROLLBACK")
            && !self.connection.is_autocommit()
        {
            // A writer that can neither commit nor roll back would pass its open transaction to the next caller.
            self.writer.durable.fail(&why);
        }
    }
}

impl Writer {
    /// SQLite itself syncs in a few places, such as the header of a restarted log.
    fn watch(&self, why: &rusqlite::Error) {
        if !errors::is_busy(why) {
            self.remember(Some(why.to_string()));
        }
        if errors::is_failed_sync(why) {
            self.durable.fail(why);
        }
    }
}

/// Counts a task while it waits, even if its future is dropped.
struct Waiting<'w>(&'w AtomicUsize);

impl<'w> Waiting<'w> {
    fn begin(count: &'w AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
