//! Who waits for a hashing thread, and who is next.
//!
//! Who is known here waits in a lane of their own: a crowd of strangers fills theirs and nothing else. The known go first,
//! and every fourth job is a stranger's, so that neither lane stands still. One account has few places among the known, or
//! whoever has one could fill that lane; beyond these it waits with the strangers.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use uuid::Uuid;

use super::memory::Memory;

/// After so many jobs of the known in a row, a stranger's is next.
const KNOWN_IN_A_ROW: u32 = 3;
/// Jobs of one account that may wait among the known.
const KNOWN_AT_ONCE: usize = 4;

/// Where a job waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    /// With those who are known here: of an account that signed in from the same network or device before.
    Known(Uuid),
    /// With everybody else.
    #[default]
    Others,
}

pub(super) type Work = Box<dyn FnOnce(&mut Memory) + Send>;

#[derive(Default)]
pub(super) struct Queue {
    /// In the order of their tickets, so the first in is the first out.
    known: BTreeMap<u64, Job>,
    others: BTreeMap<u64, Job>,
    /// How many jobs of an account wait among the known.
    pub(super) of_account: HashMap<Uuid, usize>,
    /// Jobs of the known that were taken since the last of a stranger.
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
    /// The lane that a job waits in: for the known only while its account has a place there.
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

    /// Takes the job that is next.
    pub(super) fn take(&mut self) -> Option<Job> {
        let strangers_turn = self.in_a_row >= KNOWN_IN_A_ROW && !self.others.is_empty();
        let job = match self.known.first_entry() {
            Some(first) if !strangers_turn => {
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
