//! Reservations of rate limits for attempts whose outcome is not known yet.
//!
//! An attempt is spent first, so that concurrent attempts cannot exceed the limit. It counts once its outcome is known.
//! Without an outcome (the server is overloaded, the database fails, the client disconnects while waiting), it is
//! refunded. If the client disconnects during the expensive part, it counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Exceeded, Key, RateLimits, Spent};
use crate::settings::Rate;

/// What was spent for one attempt. Refunded when dropped, unless the expensive part had begun.
#[must_use]
pub struct Reserved {
    limits: RateLimits,
    spent: Vec<Spent>,
    began: Began,
}

/// Whether the expensive part of an attempt has begun. Clones refer to the same attempt.
#[derive(Clone, Default)]
pub struct Began(Arc<AtomicBool>);

impl Began {
    pub fn now(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub fn has(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl RateLimits {
    /// Creates an empty reservation, which is refunded unless it is counted.
    pub fn reserve(&self) -> Reserved {
        Reserved::new(self.clone())
    }
}

impl Reserved {
    fn new(limits: RateLimits) -> Self {
        Self {
            limits,
            spent: Vec::new(),
            began: Began::default(),
        }
    }

    /// Creates a reservation for the same attempt that is settled separately.
    pub fn same_attempt(other: &Self) -> Self {
        let mut reserved = Self::new(other.limits.clone());
        reserved.began = other.began.clone();
        reserved
    }

    /// Spends one of the key's rate for this attempt.
    ///
    /// # Errors
    /// The limit is exceeded. What was spent before is refunded when this is dropped.
    pub async fn spend(&mut self, key: Key, rate: Rate) -> Result<(), Exceeded> {
        self.spent.push(self.limits.spend(key, rate).await?);
        Ok(())
    }

    /// Returns the flag to set when the expensive part begins.
    pub fn began(&self) -> Began {
        self.began.clone()
    }

    /// Counts the attempt.
    pub fn count(mut self) {
        self.spent.clear();
    }

    /// Refunds the attempt, because it had no outcome or was legitimate.
    pub async fn give_back(mut self) {
        for spent in std::mem::take(&mut self.spent) {
            self.limits.refund(spent).await;
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let spent = std::mem::take(&mut self.spent);
        if self.began.has() || spent.is_empty() {
            return;
        }
        for spent in &spent {
            self.limits.refund_here(spent);
        }
        // The request is over, so the shared counters are refunded in the background. Without a runtime, they recover
        // with time.
        if spent.iter().any(|spent| spent.shared)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let limits = self.limits.clone();
            runtime.spawn(async move {
                for spent in &spent {
                    limits.refund_shared(spent).await;
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::clock::{Clock, Timestamp};
    use crate::core::limits::Policy;

    const LOGIN: Policy = Policy::LoginPerAccount;
    const ONE: Rate = Rate {
        count: 1,
        per: Duration::from_secs(900),
    };

    async fn reserve(limits: &RateLimits) -> Result<Reserved, Exceeded> {
        let mut reserved = limits.reserve();
        reserved.spend(Key::of(LOGIN).identifier("ada"), ONE).await?;
        Ok(reserved)
    }

    #[tokio::test]
    async fn an_attempt_counts_when_it_is_judged_or_had_begun_and_else_not() {
        let limits = RateLimits::new(true, Clock::fixed(Timestamp(1_700_000_000_000)), None);
        drop(reserve(&limits).await.expect("nothing is spent"));
        reserve(&limits).await.expect("it was given back").give_back().await;
        let held = reserve(&limits).await.expect("it was given back");
        assert!(
            reserve(&limits).await.is_err(),
            "as long as it is reserved, it is spent"
        );
        drop(held);
        let left = reserve(&limits).await.expect("it was given back");
        left.began().now();
        drop(left);
        assert!(reserve(&limits).await.is_err(), "it had begun");
    }

    #[tokio::test]
    async fn a_verdict_counts() {
        let limits = RateLimits::new(true, Clock::fixed(Timestamp(1_700_000_000_000)), None);
        reserve(&limits).await.expect("nothing is spent").count();
        assert!(reserve(&limits).await.is_err());
    }
}
