//! Durability with syncs that are shared between commits.
//!
//! A server commits with `synchronous=NORMAL`, which writes the log without syncing it. Each commit then waits for a
//! sync that *began after* it. One thread syncs for all waiting commits. This is as durable as `synchronous=FULL`, at
//! nearly the speed of `NORMAL`: a crash loses nothing that was acknowledged.
//!
//! When a sync fails, the kernel may have dropped the pages and marked them as clean, so a second attempt could succeed
//! without writing them. A failure is therefore final: everything that waits, and every later write, fails.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};
use tracing::error;

use crate::StoreError;

pub(super) type Sync = Box<dyn FnMut() -> io::Result<()> + Send>;

pub(super) struct Durable {
    state: Mutex<State>,
    work: Condvar,
    failure: watch::Sender<bool>,
}

/// Commits are numbered from 1. `announced` counts the commits that may become visible at any moment, `committed` those
/// that are visible, and `synced` those that are on disk. A reader may see a commit before `committed` includes it, so
/// `settled` uses `announced`.
#[derive(Default)]
struct State {
    announced: u64,
    committed: u64,
    synced: u64,
    waiting: Vec<(Ticket, oneshot::Sender<()>)>,
    /// Whether the sync thread is idle and must be woken.
    resting: bool,
    stopped: bool,
}

/// The number of a commit.
pub(super) type Ticket = u64;

/// Starts the sync thread.
pub(super) fn spawn(durable: Arc<Durable>, sync: Sync) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("store-sync".into())
        .spawn(move || durable.run(sync))
}

impl Durable {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            failure: watch::Sender::new(false),
        }
    }

    /// Announces a commit. Called by the only writer.
    pub(super) fn announce(&self) -> Result<Ticket, StoreError> {
        self.sound()?;
        let mut state = self.state();
        state.announced += 1;
        Ok(state.announced)
    }

    /// Records that the announced commit was made, or that it failed. `wrote` is false if there is nothing to sync.
    pub(super) fn complete(&self, ticket: Ticket, wrote: bool) {
        let mut state = self.state();
        state.committed = ticket;
        if !wrote && state.synced + 1 == ticket {
            // All earlier commits are synced, and this one wrote nothing.
            state.synced = ticket;
        }
        self.wake(state);
    }

    /// Waits until the commit is on disk.
    pub(super) async fn wait(&self, ticket: Ticket) -> Result<(), StoreError> {
        let Some(answer) = self.register(ticket)? else {
            return Ok(());
        };
        // A dropped sender means that the sync failed, or that the database was closed first.
        answer.await.map_err(|_| lost())
    }

    /// Waits until everything that can be read now is on disk.
    pub(super) async fn settled(&self) -> Result<(), StoreError> {
        let announced = self.state().announced;
        self.wait(announced).await
    }

    pub(super) fn sound(&self) -> Result<(), StoreError> {
        if *self.failure.borrow() { Err(lost()) } else { Ok(()) }
    }

    /// Makes everything fail from now on.
    pub(super) fn fail(&self, why: &dyn std::fmt::Display) {
        let first = !self.failure.send_replace(true);
        if first {
            error!(%why, "failed to sync the database to disk; rejecting all writes until the server is restarted");
        }
        self.state().waiting.clear();
        self.work.notify_one();
    }

    pub(super) async fn failed(&self) -> StoreError {
        // The sender exists as long as `self`, so this only ends with a failure.
        let _ = self.failure.subscribe().wait_for(|failed| *failed).await;
        lost()
    }

    pub(super) fn stop(&self) {
        self.state().stopped = true;
        self.work.notify_one();
    }

    fn register(&self, ticket: Ticket) -> Result<Option<oneshot::Receiver<()>>, StoreError> {
        let mut state = self.state();
        // Checked under the lock, because `fail` sets the flag before it takes the lock to drop the senders.
        self.sound()?;
        if state.synced >= ticket {
            return Ok(None);
        }
        if state.stopped {
            return Err(lost());
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.push((ticket, sender));
        self.wake(state);
        Ok(Some(receiver))
    }

    /// Wakes the sync thread if it is idle and has work to do. Waking it costs more than checking.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if state.resting && state.is_due() {
            state.resting = false;
            drop(state);
            self.work.notify_one();
        }
    }

    fn run(&self, mut sync: Sync) {
        while self.next() {
            // On a busy processor, lets tasks that are about to commit go first, so that one sync covers them all.
            std::thread::yield_now();
            // The sync covers everything committed up to here.
            let committed = self.state().committed;
            match sync() {
                Ok(()) => self.answer(committed),
                Err(why) => return self.fail(&why),
            }
        }
        self.state().waiting.clear();
    }

    /// Waits until a sync is needed. Returns false if the database is being closed.
    fn next(&self) -> bool {
        let mut state = self.state();
        loop {
            if self.sound().is_err() {
                return false;
            }
            if state.is_due() {
                state.resting = false;
                return true;
            }
            if state.stopped {
                return false;
            }
            state.resting = true;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn answer(&self, synced: Ticket) {
        let mut state = self.state();
        state.synced = state.synced.max(synced);
        let (answered, waiting) = std::mem::take(&mut state.waiting)
            .into_iter()
            .partition(|(due, _)| *due <= synced);
        state.waiting = waiting;
        drop(state);
        let answered: Vec<(Ticket, oneshot::Sender<()>)> = answered;
        for (_, sender) in answered {
            // The receiver may have been dropped; the commit is valid all the same.
            let _ = sender.send(());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_due(&self) -> bool {
        self.waiting.iter().any(|(ticket, _)| *ticket <= self.committed)
    }
}

fn lost() -> StoreError {
    StoreError::unavailable("syncing the database file failed, or the database is closed")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::Poll;

    use super::*;

    /// A disk whose syncs each wait for the test.
    fn disk() -> (Sync, mpsc::Receiver<()>, mpsc::Sender<io::Result<()>>) {
        let (began, begins) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        let sync = move || {
            began.send(()).ok();
            answers.recv().unwrap_or(Ok(()))
        };
        (Box::new(sync), begins, answer)
    }

    fn commit(durable: &Durable) -> Ticket {
        let ticket = durable.announce().expect("the disk is sound");
        durable.complete(ticket, true);
        ticket
    }

    #[tokio::test]
    async fn a_sync_that_began_before_the_commit_does_not_cover_it() {
        let durable = Arc::new(Durable::new());
        let (sync, begins, answer) = disk();
        let thread = spawn(durable.clone(), sync).unwrap();
        let first = commit(&durable);
        let mut one = Box::pin(durable.wait(first));
        assert!(matches!(futures(&mut one), Poll::Pending));
        begins.recv().unwrap();
        let second = commit(&durable);
        let mut two = Box::pin(durable.wait(second));
        assert!(matches!(futures(&mut two), Poll::Pending));
        answer.send(Ok(())).unwrap();
        one.await.unwrap();
        begins.recv().unwrap();
        assert!(matches!(futures(&mut two), Poll::Pending));
        answer.send(Ok(())).unwrap();
        two.await.unwrap();
        durable.stop();
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn a_read_waits_for_a_commit_in_progress() {
        let durable = Arc::new(Durable::new());
        let thread = spawn(durable.clone(), Box::new(|| Ok(()))).unwrap();
        let ticket = durable.announce().unwrap();
        let mut settled = Box::pin(durable.settled());
        assert!(matches!(futures(&mut settled), Poll::Pending));
        durable.complete(ticket, true);
        settled.await.unwrap();
        durable.stop();
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn a_commit_that_wrote_nothing_needs_no_sync() {
        let durable = Arc::new(Durable::new());
        let ticket = durable.announce().unwrap();
        durable.complete(ticket, false);
        // No sync thread is running, so waiting for a sync would hang.
        durable.wait(ticket).await.unwrap();
        durable.settled().await.unwrap();
    }

    #[tokio::test]
    async fn a_commit_that_wrote_nothing_still_waits_for_what_it_may_have_read() {
        let durable = Arc::new(Durable::new());
        commit(&durable);
        let ticket = durable.announce().unwrap();
        durable.complete(ticket, false);
        assert!(matches!(futures(&mut Box::pin(durable.wait(ticket))), Poll::Pending));
    }

    #[tokio::test]
    async fn a_failed_sync_fails_waiting_and_later_writes_and_is_not_retried() {
        let durable = Arc::new(Durable::new());
        let (sync, begins, answer) = disk();
        let thread = spawn(durable.clone(), sync).unwrap();
        let first = commit(&durable);
        let mut one = Box::pin(durable.wait(first));
        assert!(matches!(futures(&mut one), Poll::Pending));
        begins.recv().unwrap();
        let second = commit(&durable);
        let mut two = Box::pin(durable.wait(second));
        assert!(matches!(futures(&mut two), Poll::Pending));
        answer.send(Err(io::Error::other("the disk is gone"))).unwrap();
        assert!(matches!(one.await, Err(StoreError::Unavailable(_))));
        assert!(matches!(two.await, Err(StoreError::Unavailable(_))));
        assert!(durable.announce().is_err());
        assert!(durable.settled().await.is_err());
        assert!(matches!(durable.failed().await, StoreError::Unavailable(_)));
        thread.join().unwrap();
        assert!(begins.recv().is_err(), "no second sync was begun");
    }

    fn futures<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        std::pin::Pin::new(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }
}
