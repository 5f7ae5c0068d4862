//! What an attempt takes from the limits, before anybody knows what will come of it.
//!
//! It is spent first, so that of any number at once no more than allowed are judged. It counts when there is a verdict. If
//! there is none (the server is overloaded, the database fails, the client leaves while it waits), it is given back: it was
//! no attempt. A client that leaves while the costly part runs has had it, and pays.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Exceeded, Key, RateLimits, Spent};
use crate::settings::Rate;

/// What was spent for one attempt. Dropped, it is given back, unless the costly part had begun.
#[must_use]
pub struct Reserved {
    limits: RateLimits,
    spent: Vec<Spent>,
    began: Began,
}

/// Whether the costly part of an attempt has begun. Clones tell of the same attempt.
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
    /// Room for what is to be spent by an attempt, and given back unless it is judged.
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

    /// Belongs to the same attempt as another one, and is settled by itself.
    pub fn beside(other: &Self) -> Self {
        let mut reserved = Self::new(other.limits.clone());
        reserved.began = other.began.clone();
        reserved
    }

    /// Spends one of the key's rate for this attempt.
    ///
    /// # Errors
    /// The limit is exceeded. What was spent before is given back when this is dropped.
    pub async fn spend(&mut self, key: Key, rate: Rate) -> Result<(), Exceeded> {
        self.spent.push(self.limits.spend(key, rate).await?);
        Ok(())
    }

    /// For whoever does the costly part.
    pub fn began(&self) -> Began {
        self.began.clone()
    }

    /// There is a verdict: it counts.
    pub fn count(mut self) {
        self.spent.clear();
    }

    /// There is none, or it was honest: it is as if it had not been.
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
        // What other nodes count is told to them beside the request, which is over. Without a runtime time gives it back.
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
