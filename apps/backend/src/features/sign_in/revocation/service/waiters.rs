//! Clients that wait for a change of a list. Each holds a connection without authentication, so their number is limited,
//! per client and in total. Clients beyond the limit get a response at once and retry later.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Revocations;
use super::metrics::{Refused, RevocationMetrics, Waiting};
use crate::core::limits::AddressPrefix;

/// How many clients may wait at once.
#[derive(Clone, Copy, Debug)]
pub struct WaiterLimits {
    pub total: usize,
    pub per_address: usize,
}

#[derive(Clone)]
pub(super) struct Waiters(Arc<Room>);

struct Room {
    limits: WaiterLimits,
    metrics: RevocationMetrics,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    total: usize,
    by_address: HashMap<AddressPrefix, usize>,
}

/// A place to wait, released when dropped.
pub(in crate::features::sign_in::revocation) struct WaitingPlace {
    room: Arc<Room>,
    counted: Option<AddressPrefix>,
    _metric: Waiting,
}

impl Waiters {
    pub(super) fn new(limits: WaiterLimits, metrics: RevocationMetrics) -> Self {
        Self(Arc::new(Room {
            limits,
            metrics,
            inside: Mutex::default(),
        }))
    }

    /// Takes a place for a client. `network` is `None` for a trusted proxy that stands for many clients; no limit per
    /// client applies to it.
    fn enter(&self, network: Option<AddressPrefix>) -> Option<WaitingPlace> {
        let WaiterLimits { total, per_address } = self.0.limits;
        let mut inside = self.0.lock();
        if inside.total >= total {
            self.0.metrics.refused(Refused::Total);
            return None;
        }
        if let Some(network) = network {
            let count = inside.by_address.entry(network).or_default();
            if *count >= per_address {
                self.0.metrics.refused(Refused::Address);
                return None;
            }
            *count += 1;
        }
        inside.total += 1;
        Some(WaitingPlace {
            room: self.0.clone(),
            counted: network,
            _metric: self.0.metrics.waits(),
        })
    }
}

impl Revocations {
    /// Takes a place to wait for a change; see [`WaiterLimits`].
    pub(in crate::features::sign_in::revocation) fn may_wait(
        &self,
        network: Option<AddressPrefix>,
    ) -> Option<WaitingPlace> {
        self.0.waiters.enter(network)
    }
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Nothing panics while it is held, and counters have no invalid state.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WaitingPlace {
    fn drop(&mut self) {
        let mut inside = self.room.lock();
        inside.total -= 1;
        let Some(network) = self.counted else { return };
        if let Some(count) = inside.by_address.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                inside.by_address.remove(&network);
            }
        }
    }
}
