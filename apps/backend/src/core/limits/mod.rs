//! Rate limits. An attempt is reserved before the expensive part, counted when its outcome is known, and refunded if it
//! was legitimate or had no outcome. The counters of short windows are in memory and (shared by all nodes) in Redis.
//! They do not depend on any feature. Counts that must survive a restart (consecutive failures of an account) are in
//! SQL, not here.
//!
//! The algorithm is GCRA: a key allows `count` actions at once, and then one more every `per / count`. So any window of
//! `per` has fewer than twice `count`, and the long-term rate is `count`.

mod counters;
mod headers;
mod key;
mod policy;
mod prefix;
mod reserved;
mod shared;

use std::sync::Arc;
use std::time::Duration;

pub use key::Key;
pub use policy::Policy;
pub use prefix::AddressPrefix;
pub use reserved::{Began, Reserved};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::core::clock::Clock;
use crate::core::metrics::Register;
use crate::core::redis::Redis;
use crate::settings::Rate;
use counters::{Counters, Step};
use shared::Shared;

/// The limits of this process. Clones share their counters.
#[derive(Clone)]
pub struct RateLimits {
    /// `None` if limits are disabled.
    counters: Option<Arc<Counters>>,
    exceeded: Family<[(&'static str, &'static str); 1], Counter>,
    /// The counters shared by all nodes. Not queried if the local counters already decide, which also take over if
    /// Redis is lost.
    shared: Option<Arc<Shared>>,
    clock: Clock,
}

/// An action within the limit. Can be refunded once.
#[derive(Debug)]
pub struct Spent {
    key: Key,
    rate: Rate,
    shared: bool,
}

/// An action over the limit. Nothing was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rate limit {policy} ({rate}) exceeded; retry in {retry_after:?}")]
pub struct Exceeded {
    pub policy: Policy,
    pub rate: Rate,
    /// The time until one more is allowed.
    pub retry_after: Duration,
}

impl RateLimits {
    /// Creates counters, shared with other nodes if there is a Redis. `enabled = false` allows everything, for load
    /// tests.
    pub fn new(enabled: bool, clock: Clock, redis: Option<Redis>) -> Self {
        Self {
            counters: enabled.then(|| Arc::new(Counters::default())),
            exceeded: Family::default(),
            shared: redis.map(|redis| Arc::new(Shared(redis))),
            clock,
        }
    }

    /// Registers the metrics.
    pub fn register(&self, registry: &mut Registry) {
        registry.add("limits_exceeded", self.exceeded.clone());
    }

    /// Spends one of the key's rate. Concurrent callers never exceed the rate.
    ///
    /// # Errors
    /// The limit is exceeded: 429, with the error's headers.
    pub async fn spend(&self, key: Key, rate: Rate) -> Result<Spent, Exceeded> {
        let Some(counters) = &self.counters else {
            return Ok(Spent {
                key,
                rate,
                shared: false,
            });
        };
        let exceeded = |retry_after| {
            self.exceeded.get_or_create(&[("limit", key.policy().name())]).inc();
            Exceeded {
                policy: key.policy(),
                rate,
                retry_after,
            }
        };
        if let Step::Over { next } = counters.spend(&key, rate, self.now()) {
            return Err(exceeded(next));
        }
        let shared = match &self.shared {
            Some(shared) => shared.spend(&key, rate).await,
            None => None,
        };
        if let Some(Step::Over { next }) = shared {
            // Redis need not be queried before then, and the state survives losing it.
            counters.fill(&key, rate, (self.now(), next));
            return Err(exceeded(next));
        }
        let shared = shared.is_some();
        Ok(Spent { key, rate, shared })
    }

    /// Refunds an action that was legitimate or had no outcome.
    pub async fn refund(&self, spent: Spent) {
        self.refund_here(&spent);
        self.refund_shared(&spent).await;
    }

    fn refund_here(&self, spent: &Spent) {
        if let Some(counters) = &self.counters {
            counters.refund(&spent.key, spent.rate, self.now());
        }
    }

    async fn refund_shared(&self, spent: &Spent) {
        if let Some(shared) = self.shared.as_ref().filter(|_| spent.shared) {
            shared.refund(&spent.key, spent.rate).await;
        }
    }

    fn now(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.clock.now().millis()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::clock::Timestamp;

    const LOGIN: Policy = Policy::LoginPerAccount;
    const TEN: Rate = Rate {
        count: 10,
        per: Duration::from_secs(900),
    };

    fn limits() -> (RateLimits, Clock) {
        let clock = Clock::fixed(Timestamp(1_700_000_000_000));
        (RateLimits::new(true, clock.clone(), None), clock)
    }

    /// Returns how many are left, if none are refunded.
    async fn left(limits: &RateLimits) -> usize {
        let mut left = 0;
        while limits.spend(ada(), TEN).await.is_ok() {
            left += 1;
        }
        left
    }

    fn ada() -> Key {
        Key::of(LOGIN).identifier("ada@example.com")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn c_22_of_500_at_once_exactly_ten_pass() {
        let (limits, _) = limits();
        let racers: Vec<_> = (0..500)
            .map(|_| {
                let limits = limits.clone();
                tokio::spawn(async move { limits.spend(ada(), TEN).await.is_ok() })
            })
            .collect();
        let mut passed = 0;
        for racer in racers {
            passed += usize::from(racer.await.expect("no panic"));
        }
        assert_eq!(passed, 10);
    }

    #[tokio::test]
    async fn one_comes_back_every_ninety_seconds() {
        let (limits, clock) = limits();
        assert_eq!(left(&limits).await, 10);
        let exceeded = limits.spend(ada(), TEN).await.expect_err("ten are spent");
        assert_eq!(
            exceeded,
            Exceeded {
                policy: LOGIN,
                rate: TEN,
                retry_after: Duration::from_secs(90)
            }
        );
        clock.advance(Duration::from_secs(89));
        assert_eq!(
            limits.spend(ada(), TEN).await.expect_err("not yet").retry_after,
            Duration::from_secs(1)
        );
        clock.advance(Duration::from_secs(1));
        assert!(limits.spend(ada(), TEN).await.is_ok());
        assert!(limits.spend(ada(), TEN).await.is_err());
        clock.advance(Duration::from_secs(900));
        assert_eq!(left(&limits).await, 10);
    }

    #[tokio::test]
    async fn a_20_attempts_from_one_ip_address_do_not_count_for_another() {
        let (limits, _) = limits();
        let from = |address: &str| ada().address(AddressPrefix::of(address.parse().unwrap()));
        for _ in 0..1000 {
            let _ = limits.spend(from("203.0.113.9"), TEN).await;
        }
        assert!(limits.spend(from("203.0.113.9"), TEN).await.is_err());
        assert!(limits.spend(from("203.0.113.10"), TEN).await.is_ok());
    }

    #[tokio::test]
    async fn the_honest_get_it_back() {
        let (limits, _) = limits();
        for _ in 0..100 {
            let spent = limits.spend(ada(), TEN).await.expect("each was given back");
            limits.refund(spent).await;
        }
        assert_eq!(left(&limits).await, 10);
    }

    #[tokio::test]
    async fn turned_off_allows_everything() {
        let limits = RateLimits::new(false, Clock::system(), None);
        for _ in 0..100 {
            assert!(limits.spend(ada(), TEN).await.is_ok());
        }
    }
}
