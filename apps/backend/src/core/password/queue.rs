//! The queue for hashing threads.
//!
//! Known clients wait in a separate lane, so that a crowd of unknown ones fills only its own. Known clients go first, and every
//! fourth job is from the other lane, so that neither starves. One account has few places in the known lane, so that its
//! owner cannot fill it; its other jobs wait in the other lane.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use uuid::Uuid;

use super::memory::Memory;
use super::metrics::HashingMetrics;

/// After this many consecutive jobs of known clients, the other lane is next.
const KNOWN_IN_A_ROW: u32 = 3;
/// The maximum number of jobs of one account in the known lane.
const KNOWN_AT_ONCE: usize = 4;

/// The lane of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    /// Known clients: the account has signed in from this network or device before.
    Known(Uuid),
    /// All other clients.
    #[default]
    Others,
}

impl Lane {
    /// Returns its name in the metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Known(_) => "known",
            Self::Others => "others",
        }
    }
}

/// What a thread does for a job. It does not panic.
pub(super) type Work = Box<dyn FnOnce(&mut Memory, &HashingMetrics) + Send>;

#[derive(Default)]
pub(super) struct Queue {
    /// Ordered by ticket: first in, first out.
    known: BTreeMap<u64, Job>,
    others: BTreeMap<u64, Job>,
    /// The waiting jobs of each account in the known lane.
    pub(super) of_account: HashMap<Uuid, usize>,
    /// Jobs taken from the known lane since the last from the other.
    in_a_row: u32,
    next_ticket: u64,
    pub(super) closed: bool,
    pub(super) workers: usize,
}

pub(super) struct Job {
    pub(super) work: Work,
    pub(super) since: Instant,
    pub(super) lane: Lane,
}

impl Queue {
    /// Returns the lane for a job: the known lane only while its account has a place there.
    pub(super) fn admitted(&self, lane: Lane) -> Lane {
        match lane {
            Lane::Known(account) if self.of_account.get(&account).is_some_and(|jobs| *jobs >= KNOWN_AT_ONCE) => {
                Lane::Others
            }
            lane => lane,
        }
    }

    pub(super) fn lane(&mut self, lane: Lane) -> &mut BTreeMap<u64, Job> {
        match lane {
            Lane::Known(_) => &mut self.known,
            Lane::Others => &mut self.others,
        }
    }

    pub(super) fn insert(&mut self, lane: Lane, job: Job) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.lane(lane).insert(ticket, job);
        if let Lane::Known(account) = lane {
            *self.of_account.entry(account).or_default() += 1;
        }
        ticket
    }

    pub(super) fn remove(&mut self, lane: Lane, ticket: u64) -> Option<Job> {
        let job = self.lane(lane).remove(&ticket)?;
        self.left(job.lane);
        Some(job)
    }

    /// Takes the next job.
    pub(super) fn take(&mut self) -> Option<Job> {
        let turn_of_others = self.in_a_row >= KNOWN_IN_A_ROW && !self.others.is_empty();
        let job = match self.known.first_entry() {
            Some(first) if !turn_of_others => {
                self.in_a_row = self.in_a_row.saturating_add(1);
                first.remove()
            }
            _ => {
                self.in_a_row = 0;
                self.others.pop_first()?.1
            }
        };
        self.left(job.lane);
        Some(job)
    }

    fn left(&mut self, lane: Lane) {
        if let Lane::Known(account) = lane
            && let Some(jobs) = self.of_account.get_mut(&account)
        {
            *jobs -= 1;
            if *jobs == 0 {
                self.of_account.remove(&account);
            }
        }
    }
}
