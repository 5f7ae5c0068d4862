//! The end of a server: first it says that it is not ready, then it stops accepting, then it finishes what has begun.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Whether traffic is welcome; `/readyz` tells it. Clones tell the same.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<bool>>);

impl Readiness {
    /// False from the moment in which a shutdown has begun.
    pub fn is_ready(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until a shutdown has begun. Whoever holds a request on purpose answers it then.
    pub async fn ended(&self) {
        // It fails only when the sender is gone, and `self` is one.
        let _ = self.0.subscribe().wait_for(|ready| !ready).await;
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(true)))
    }
}

/// Ends the servers that hold a clone of it.
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
    /// A shutdown that begins when [`begin`](Self::begin) is called.
    pub fn new(readiness: Readiness) -> Self {
        Self {
            readiness,
            stage: Arc::new(watch::Sender::new(Stage::Serving)),
        }
    }

    /// A shutdown that the first SIGTERM or SIGINT begins and the second ends at once.
    ///
    /// # Errors
    /// When the operating system refuses the handlers.
    pub fn on_signals(readiness: Readiness) -> io::Result<Self> {
        let shutdown = Self::new(readiness);
        let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(obey(shutdown.clone(), signals));
        Ok(shutdown)
    }

    /// Stops accepting and lets requests that have begun finish.
    pub fn begin(&self) {
        self.readiness.0.send_replace(false);
        self.advance(Stage::Draining);
    }

    /// Ends everything now.
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
        // It fails only when the sender is gone, and `self` is one.
        let _ = self.stage.subscribe().wait_for(|now| *now >= stage).await;
    }
}

async fn obey(shutdown: Shutdown, mut signals: (Signal, Signal)) {
    let name = next(&mut signals).await;
    tracing::info!(
        signal = name,
        "stopping: requests that have begun are answered; a second signal stops at once"
    );
    shutdown.begin();
    let name = next(&mut signals).await;
    tracing::warn!(signal = name, "stopping at once");
    shutdown.end_now();
}

async fn next((terminate, interrupt): &mut (Signal, Signal)) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
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
