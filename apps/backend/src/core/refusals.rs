//! Counts requests rejected by a limit or for a missing permission. The audit log records them in batches, so that a flood of
//! requests does not become a flood of rows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::limits::AddressPrefix;

/// The maximum number of networks counted separately per batch. All others are counted together.
const TOLD_APART: usize = 1000;

/// The counts. Clones share them.
#[derive(Clone, Default)]
pub struct Refusals(Arc<Mutex<Counts>>);

type Counts = HashMap<(String, Option<AddressPrefix>), u64>;

/// A count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The route and the response.
    pub reason: String,
    /// The network; `None` for those that are counted together.
    pub prefix: Option<AddressPrefix>,
    pub count: u64,
}

impl Refusals {
    pub fn note(&self, reason: &str, prefix: Option<AddressPrefix>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (reason.to_owned(), prefix);
        let is_full = counts.len() >= TOLD_APART && !counts.contains_key(&key);
        let key = if is_full { (key.0, None) } else { key };
        *counts.entry(key).or_default() += 1;
    }

    /// Returns the counts and resets them.
    pub fn take(&self) -> Vec<Refusal> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let refusal = |((reason, prefix), count)| Refusal { reason, prefix, count };
        counts.into_iter().map(refusal).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_bounded_number_of_counts() {
        let refusals = Refusals::default();
        for address in 0..5000_u32 {
            refusals.note(
                "429 /api/auth/login",
                Some(AddressPrefix::of(std::net::Ipv4Addr::from(address).into())),
            );
        }
        let taken = refusals.take();
        assert_eq!(taken.len(), TOLD_APART + 1);
        assert_eq!(taken.iter().map(|refusal| refusal.count).sum::<u64>(), 5000);
        assert!(refusals.take().is_empty());
    }
}
