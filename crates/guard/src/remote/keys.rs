//! The issuer's keys: kept if they cannot be fetched, and fetched again if a token names an unknown key, but not more often
//! than a limit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use countersign_jose::VerifyingKey;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use super::fetch::FETCH_TIME;
use crate::KeyLookup;

pub(super) struct Keys {
    cached: RwLock<Arc<[VerifyingKey]>>,
    cooldown: Duration,
    look_ups: Mutex<LookUps>,
    /// Wakes the task that fetches keys.
    pub(super) wanted: Notify,
    /// The number of attempts.
    attempts: watch::Sender<u64>,
}

struct LookUps {
    /// When a key was last looked up because a token named it.
    last: Option<Instant>,
    /// Whether a fetch is in progress or about to start.
    pending: bool,
}

/// The end of the next attempt.
pub(super) struct NextAttempt<T>(pub(super) watch::Receiver<T>);

impl<T> NextAttempt<T> {
    /// Waits for it, up to a timeout.
    pub(super) async fn within(mut self, time: Duration) {
        // In either case, the caller checks what is there.
        drop(timeout(time, self.0.changed()).await);
    }
}

impl Keys {
    pub(super) fn new(cooldown: Duration) -> Self {
        Self {
            cached: RwLock::new(Arc::new([])),
            cooldown,
            look_ups: Mutex::new(LookUps {
                last: None,
                pending: true,
            }),
            wanted: Notify::new(),
            attempts: watch::Sender::new(0),
        }
    }

    pub(super) fn find(&self, kid: &str) -> Option<VerifyingKey> {
        let cached = self.cached.read().unwrap_or_else(PoisonError::into_inner);
        cached.iter().find(|key| key.kid() == kid).cloned()
    }

    /// The end of the next or current attempt.
    pub(super) fn attempted(&self) -> NextAttempt<u64> {
        NextAttempt(self.attempts.subscribe())
    }

    /// Fetches the keys because one is missing, unless this was done recently. Concurrent callers wait for the same
    /// response.
    pub(super) async fn look_up(&self, kid: &str) -> KeyLookup {
        if let Some(attempted) = self.join_fetch() {
            attempted.within(FETCH_TIME).await;
        }
        match self.find(kid) {
            Some(_) => KeyLookup::Found,
            None if self.cached.read().unwrap_or_else(PoisonError::into_inner).is_empty() => KeyLookup::Unavailable,
            None => KeyLookup::Unknown,
        }
    }

    fn join_fetch(&self) -> Option<NextAttempt<u64>> {
        let mut look_ups = self.look_ups();
        // Subscribed under the lock, so that no later end of a fetch is missed.
        let attempted = self.attempted();
        if look_ups.pending {
            return Some(attempted);
        }
        if look_ups.last.is_some_and(|last| last.elapsed() < self.cooldown) {
            return None;
        }
        *look_ups = LookUps {
            last: Some(Instant::now()),
            pending: true,
        };
        self.wanted.notify_one();
        Some(attempted)
    }

    pub(super) fn began(&self) {
        self.look_ups().pending = true;
    }

    pub(super) fn ended(&self) {
        let mut look_ups = self.look_ups();
        look_ups.pending = false;
        self.attempts.send_modify(|attempts| *attempts += 1);
    }

    fn look_ups(&self) -> MutexGuard<'_, LookUps> {
        self.look_ups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn replace(&self, keys: Vec<VerifyingKey>) {
        *self.cached.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
    }
}
