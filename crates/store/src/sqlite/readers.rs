//! The readers. A lookup by key takes microseconds and runs on the calling thread; a scan runs on a thread for blocking
//! work.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::setup::{self, Manner};
use crate::StoreError;

pub(super) struct Readers {
    /// `None` once closed.
    connections: Vec<Mutex<Option<Connection>>>,
    /// The reader to wait for when all are busy.
    next: AtomicUsize,
    /// One permit fewer than there are readers, so that scans never block a lookup.
    scans: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(path: &Path, wanted: Option<usize>, manner: Manner) -> Result<Self, StoreError> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let count = wanted.unwrap_or(cores.min(8)).max(2);
        let open = |_| setup::reader(path, manner).map(|reader| Mutex::new(Some(reader)));
        let connections = (0..count).map(open).collect::<Result<_, _>>()?;
        Ok(Self {
            connections,
            next: AtomicUsize::new(0),
            scans: Arc::new(Semaphore::new(count - 1)),
        })
    }

    /// Runs a lookup on the calling thread.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let reader = self.take();
        work(
            reader
                .as_ref()
                .ok_or(StoreError::unavailable("the database is closed"))?,
        )
    }

    /// Runs a read that may take long, on a thread for blocking work.
    #[expect(clippy::disallowed_methods, reason = "bounded by the turns, one for each reader")]
    pub(super) async fn scan<T: Send + 'static>(
        readers: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = readers.scans.clone().acquire_owned().await;
        let turn = turn.map_err(|_| StoreError::unavailable("the database is closed"))?;
        let readers = readers.clone();
        // The permit is held until the scan ends, because a scan continues if its caller is dropped.
        let scan = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            readers.read(work)
        });
        scan.await
            .map_err(|_| StoreError::unavailable("a read was interrupted"))?
    }

    pub(super) fn close(&self) {
        self.scans.close();
        for reader in &self.connections {
            drop(reader.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }

    /// Returns the first free reader, so that few caches stay warm; if all are busy, waits for the next in turn.
    fn take(&self) -> MutexGuard<'_, Option<Connection>> {
        for reader in &self.connections {
            match reader.try_lock() {
                Ok(free) => return free,
                // After a panic during a read, dropping the statement has already reset it.
                Err(TryLockError::Poisoned(free)) => return free.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        self.connections[turn].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
