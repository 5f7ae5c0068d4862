//! Connections shared by many reads. Each read is sent without waiting for earlier responses, and reads requested at
//! the same time are sent in one packet. Looking up a row by key takes the database microseconds; the round trip costs
//! this process more than that. Queries that may take long use their own connection from the pool.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use deadpool_postgres::ClientWrapper;
use tokio::time::timeout;
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::options::PATIENCE;

/// The number of concurrent reads on a connection above which another one is used, because the server processes the
/// reads of a connection one after the other.
const TOGETHER: usize = 32;

pub(super) struct Shared {
    config: Box<Config>,
    tls: MakeRustlsConnect,
    /// Each connection is opened when first needed.
    lanes: Vec<Mutex<Option<Arc<ClientWrapper>>>>,
    opening: tokio::sync::Mutex<()>,
}

impl Shared {
    /// Returns how many of `connections` to share: one per processor, but at most an eighth of them.
    pub(super) fn of(connections: usize) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        processors.min(connections / 8)
    }

    pub(super) fn new(config: Config, tls: MakeRustlsConnect, lanes: usize) -> Self {
        Self {
            config: Box::new(config),
            tls,
            lanes: (0..lanes).map(|_| Mutex::default()).collect(),
            opening: tokio::sync::Mutex::default(),
        }
    }

    /// Returns a connection with room for one more read. `None` if there is none at the moment; the caller then uses
    /// the pool.
    pub(super) async fn lane(&self) -> Option<Arc<ClientWrapper>> {
        for lane in &self.lanes {
            let open = held(lane).clone().filter(|open| !open.is_closed());
            match open {
                // One reference for this clone, one for the lane.
                Some(open) if Arc::strong_count(&open) > TOGETHER + 1 => {}
                Some(open) => return Some(open),
                // Boxed because it is large and rarely needed.
                None => return Box::pin(self.open(lane)).await,
            }
        }
        None
    }

    /// Closes a connection once its pending reads have finished.
    pub(super) fn forget(&self, gone: &Arc<ClientWrapper>) {
        for lane in &self.lanes {
            held(lane).take_if(|open| Arc::ptr_eq(open, gone));
        }
    }

    pub(super) fn close(&self) {
        for lane in &self.lanes {
            held(lane).take();
        }
    }

    #[expect(clippy::disallowed_methods, reason = "opened as the pool opens its own")]
    async fn open(&self, lane: &Mutex<Option<Arc<ClientWrapper>>>) -> Option<Arc<ClientWrapper>> {
        // Concurrent callers do not wait. If opening fails, the pool reports the reason.
        let _opening = self.opening.try_lock().ok()?;
        let connecting = timeout(PATIENCE, self.config.connect(self.tls.clone())).await;
        let (client, connection) = connecting.ok()?.ok()?;
        let connection = Gathering {
            connection,
            has_waited: false,
        };
        let task = tokio::spawn(async move {
            // Pending reads receive the error.
            drop(connection.await);
        });
        let opened = Arc::new(ClientWrapper::new(client, task));
        *held(lane) = Some(opened.clone());
        Some(opened)
    }
}

fn held(lane: &Mutex<Option<Arc<ClientWrapper>>>) -> MutexGuard<'_, Option<Arc<ClientWrapper>>> {
    lane.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection that yields once each time it is woken, so that it collects the reads of all other tasks.
struct Gathering<C> {
    connection: C,
    has_waited: bool,
}

impl<C: Future + Unpin> Future for Gathering<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        self.has_waited = !self.has_waited;
        if self.has_waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.connection).poll(cx)
    }
}
