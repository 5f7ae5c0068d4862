//! How often somebody may do something: reserved before anything costly is done, counted when it has been judged, and given
//! back where it was honest or came to no verdict.
//! It owns the counters of short windows, in memory and (shared by all nodes) in Redis, and knows no feature. What must
//! survive a restart (failures in a row on an account) is counted in SQL, not here.
//!
//! The algorithm is GCRA: a key may do `count` things at once and then gets one back every `per / count`. So in any one
//! window of `per` it may do fewer than twice `count`, and in the long run `count`.

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
    /// None when limits are turned off.
    counters: Option<Arc<Counters>>,
    exceeded: Family<[(&'static str, &'static str); 1], Counter>,
    /// What the nodes count together. What a node knows by itself it need not ask, and goes on from when Redis is lost.
    shared: Option<Arc<Shared>>,
    clock: Clock,
}

/// It was within the limit. Can be given back, once.
#[derive(Debug)]
pub struct Spent {
    key: Key,
    rate: Rate,
    shared: bool,
}

/// It was over the limit, and nothing was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rate limit {policy} ({rate}) exceeded; retry in {retry_after:?}")]
pub struct Exceeded {
    pub policy: Policy,
    pub rate: Rate,
    /// When one more will be allowed.
    pub retry_after: Duration,
}

impl RateLimits {
    /// New counters, shared with other nodes where there is a Redis; `enabled = false` allows everything, which is for
    /// load tests.
    pub fn new(enabled: bool, clock: Clock, redis: Option<Redis>) -> Self {
        Self {
            counters: enabled.then(|| Arc::new(Counters::default())),
            exceeded: Family::default(),
            shared: redis.map(|redis| Arc::new(Shared(redis))),
            clock,
        }
    }

    /// Registers what is counted of them.
    pub fn register(&self, registry: &mut Registry) {
        registry.add("limits_exceeded", self.exceeded.clone());
    }

    /// Spends one of the key's rate. Of any number of callers at once, no more than the rate allows are let through.
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
            // So it need not be asked again before then, and if it is lost meanwhile nothing is forgotten.
            counters.fill(&key, rate, (self.now(), next));
            return Err(exceeded(next));
        }
        let shared = shared.is_some();
        Ok(Spent { key, rate, shared })
    }

    /// Gives back what turned out to be honest, or came to nothing.
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

    /// How many more there are, when nobody gives any back.
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
    async fn a_20_what_one_address_spends_is_not_spent_for_another() {
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
