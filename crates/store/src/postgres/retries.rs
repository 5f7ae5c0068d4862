//! Retries of transactions after conflicts.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::time::sleep;

use crate::StoreError;

/// The maximum number of attempts of a transaction.
const ATTEMPTS: u32 = 40;
/// After this many attempts, transactions run one at a time and only conflict with new ones.
const MANY: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Retries {
    lost: u32,
}

impl Retries {
    pub(super) fn new() -> Self {
        Self { lost: 0 }
    }

    pub(super) fn are_many(&self) -> bool {
        self.lost >= MANY
    }

    /// Waits for a random part of a doubling pause, or gives up.
    pub(super) async fn pause(&mut self) -> Result<(), StoreError> {
        self.lost += 1;
        if self.lost >= ATTEMPTS {
            return Err(StoreError::Conflict);
        }
        let longest = (FIRST_PAUSE * 2_u32.saturating_pow(self.lost - 1).min(1 << 10)).min(LONGEST_PAUSE);
        sleep(longest.mul_f64(chance())).await;
        Ok(())
    }
}

/// Returns a number between 0 and 1. It only spreads retries and protects nothing, so the standard library's hash seeds suffice.
fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_are_bounded() {
        let mut retries = Retries::new();
        let mut allowed = 0;
        while retries.pause().await.is_ok() {
            allowed += 1;
        }
        assert_eq!(allowed, ATTEMPTS - 1);
        assert!(retries.are_many());
    }
}
