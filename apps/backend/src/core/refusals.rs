//! Who was turned away by a limit or for want of a right: counted here, and written down in lumps by the audit log, so
//! that a flood of refused requests does not become a flood of rows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::limits::AddressPrefix;

/// How many networks are told apart between two times of writing. All others are counted together.
const TOLD_APART: usize = 1000;

/// The counts. Clones count together.
#[derive(Clone, Default)]
pub struct Refusals(Arc<Mutex<Counts>>);

type Counts = HashMap<(String, Option<AddressPrefix>), u64>;

/// One count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was refused: a route and its answer.
    pub reason: String,
    /// To whom; none for those that are no more told apart.
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

    /// Hands out the counts and begins anew.
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
