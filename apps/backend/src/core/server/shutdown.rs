//! Graceful shutdown: the server reports that it is not ready, then stops accepting connections, then completes the
//! requests in progress.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Whether the server is ready for traffic, as reported by `/readyz`. Clones share it.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<bool>>);

impl Readiness {
    /// Returns false once a shutdown has begun.
    pub fn is_ready(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until a shutdown has begun. Requests that are held on purpose are answered then.
    pub async fn ended(&self) {
        // Fails only if the sender is dropped, and `self` holds one.
        let _ = self.0.subscribe().wait_for(|ready| !ready).await;
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(true)))
    }
}

/// Stops the servers that hold a clone of it.
#[derive(Clone)]
pub struct Shutdown {
    readiness: Readiness,
    stage: Arc<watch::Sender<Stage>>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Serving,
    Draining,
    Ended,
}

impl Shutdown {
    /// Creates a shutdown that begins when [`begin`](Self::begin) is called.
    pub fn new(readiness: Readiness) -> Self {
        Self {
            readiness,
            stage: Arc::new(watch::Sender::new(Stage::Serving)),
        }
    }

    /// Creates a shutdown that begins with the first SIGTERM, SIGINT or SIGQUIT; the second one stops the servers at
    /// once. (By default, SIGQUIT would write a core dump, which contains the keys.)
    ///
    /// # Errors
    /// The operating system rejects the handlers.
    pub fn on_signals(readiness: Readiness) -> io::Result<Self> {
        let shutdown = Self::new(readiness);
        tokio::spawn(obey(shutdown.clone(), Signals::of(STOPPING)?));
        Ok(shutdown)
    }

    /// Also begins with SIGHUP, for a process that is attached to a terminal or a test.
    ///
    /// # Errors
    /// The operating system rejects the handler.
    pub fn with_hangup(self) -> io::Result<Self> {
        let (shutdown, mut signals) = (self.clone(), Signals::of([("SIGHUP", SignalKind::hangup())])?);
        tokio::spawn(async move {
            let name = signals.next().await;
            tracing::info!(signal = name, "shutting down: the terminal was closed");
            // A shell may send SIGHUP to all its children a second time, which must not end the shutdown early.
            shutdown.begin();
        });
        Ok(self)
    }

    /// Stops accepting connections and lets requests in progress finish.
    pub fn begin(&self) {
        self.readiness.0.send_replace(false);
        self.advance(Stage::Draining);
    }

    /// Stops at once.
    pub fn end_now(&self) {
        self.begin();
        self.advance(Stage::Ended);
    }

    /// Waits until the shutdown has begun.
    pub async fn begun(&self) {
        self.reached(Stage::Draining).await;
    }

    pub(super) fn has_begun(&self) -> bool {
        *self.stage.borrow() >= Stage::Draining
    }

    pub(super) async fn ended(&self) {
        self.reached(Stage::Ended).await;
    }

    fn advance(&self, to: Stage) {
        self.stage.send_if_modified(|stage| {
            let forward = *stage < to;
            *stage = to.max(*stage);
            forward
        });
    }

    async fn reached(&self, stage: Stage) {
        // Fails only if the sender is dropped, and `self` holds one.
        let _ = self.stage.subscribe().wait_for(|now| *now >= stage).await;
    }
}

/// The ignored signals. They are recorded from the creation of this value on, and logged once [`IgnoredSignals::log`]
/// is called.
pub struct IgnoredSignals(Signals);

/// Ignores signals that would terminate the server silently: those that other programs use to reload settings or reopen
/// logs, and the one for a file that has reached its size limit, where the write fails anyway. (All Rust programs
/// ignore SIGPIPE.)
///
/// Call it as early as possible, within a runtime.
///
/// # Errors
/// The operating system rejects the handlers.
pub fn ignore_signals() -> io::Result<IgnoredSignals> {
    Signals::of(IGNORED).map(IgnoredSignals)
}

impl IgnoredSignals {
    /// Logs each signal, including earlier ones.
    pub fn log(self) {
        let mut signals = self.0;
        tokio::spawn(async move {
            loop {
                let name = signals.next().await;
                tracing::info!(
                    signal = name,
                    "ignored the signal: settings are read at startup only, keys are reloaded automatically, and \
                     the log goes to standard error; send SIGTERM to stop the server"
                );
            }
        });
    }
}

const STOPPING: [(&str, SignalKind); 3] = [
    ("SIGTERM", SignalKind::terminate()),
    ("SIGINT", SignalKind::interrupt()),
    ("SIGQUIT", SignalKind::quit()),
];

const IGNORED: [(&str, SignalKind); 4] = [
    ("SIGHUP", SignalKind::hangup()),
    ("SIGUSR1", SignalKind::user_defined1()),
    ("SIGUSR2", SignalKind::user_defined2()),
    ("SIGXFSZ", SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())),
];

/// Signals to wait for, with their names.
struct Signals(Vec<(&'static str, Signal)>);

impl Signals {
    fn of<const N: usize>(kinds: [(&'static str, SignalKind); N]) -> io::Result<Self> {
        let signals = kinds.into_iter().map(|(name, kind)| Ok((name, signal(kind)?)));
        signals.collect::<io::Result<_>>().map(Self)
    }

    /// Waits for the next signal and returns its name.
    async fn next(&mut self) -> &'static str {
        poll_fn(|task| {
            let come = self.0.iter_mut().find_map(|(name, signal)| {
                // `None` would mean that no more signals can arrive, but the handlers exist as long as the process.
                matches!(signal.poll_recv(task), Poll::Ready(Some(()))).then_some(*name)
            });
            come.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

async fn obey(shutdown: Shutdown, mut signals: Signals) {
    let name = signals.next().await;
    tracing::info!(
        signal = name,
        "shutting down: waiting for requests in progress; send a second signal to stop immediately"
    );
    shutdown.begin();
    let name = signals.next().await;
    tracing::warn!(signal = name, "stopping immediately");
    shutdown.end_now();
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn the_first_signal_drains_and_the_second_ends() {
        let readiness = Readiness::default();
        let shutdown = Shutdown::on_signals(readiness.clone()).unwrap();
        assert!(readiness.is_ready() && !shutdown.has_begun());

        kill_process(getpid(), Signal::TERM).unwrap();
        shutdown.begun().await;
        assert!(!readiness.is_ready());
        assert!(*shutdown.stage.borrow() == Stage::Draining);

        kill_process(getpid(), Signal::INT).unwrap();
        shutdown.ended().await;
    }

    #[tokio::test]
    async fn a_shutdown_never_goes_back() {
        let shutdown = Shutdown::new(Readiness::default());
        shutdown.end_now();
        shutdown.begin();
        shutdown.ended().await;
    }
}
