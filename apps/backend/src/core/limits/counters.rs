//! The counters in memory: a sharded map from a key's digest to the time at which its full rate is available again.
//!
//! Memory is bounded: idle keys are dropped (they equal new ones), and a full shard of busy keys drops the least used eighth. A
//! flood of new keys therefore evicts new keys; to evict an exhausted counter, an attacker would have to exhaust more than a
//! hundred thousand others. The shard of a key depends on a secret of this process, so an attacker cannot target one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::key::Key;
use crate::settings::Rate;

const SHARDS: usize = 16;
/// 229,376 keys in total. The map has at most twice as many slots: 17 MB.
const KEYS_PER_SHARD: usize = 14_336;
/// How often, in µs, an active shard drops its idle keys.
const SWEEP_EVERY: u64 = 60_000_000;

/// All counters of a process.
pub(super) struct Counters {
    shards: [Mutex<Shard>; SHARDS],
    spread: RandomState,
    keys_per_shard: usize,
}

/// The outcome of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Within,
    /// Not allowed before `next`.
    Over {
        next: Duration,
    },
}

#[derive(Default)]
struct Shard {
    counters: HashMap<[u8; 16], Counter>,
    swept: u64,
}

/// Times in µs.
#[derive(Clone, Copy)]
struct Counter {
    /// When the full rate is available: the "theoretical arrival time" of GCRA.
    full_again: u64,
    /// The time from exhausted to fully available.
    window: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Self::with_capacity(KEYS_PER_SHARD)
    }
}

impl Counters {
    fn with_capacity(keys_per_shard: usize) -> Self {
        Self {
            shards: Default::default(),
            spread: RandomState::new(),
            keys_per_shard,
        }
    }

    /// Spends one atomically under the shard's lock. `now` is the time since the epoch.
    pub(super) fn spend(&self, key: &Key, rate: Rate, now: Duration) -> Step {
        let (now, [each, window]) = (micros(now), interval_and_window(rate));
        let mut shard = self.shard(key);
        let full_again = shard.full_again(key, now, window) + each;
        let used = full_again - now;
        if used > window {
            return Step::Over {
                next: Duration::from_micros(used - window),
            };
        }
        shard.make_room(now, self.keys_per_shard, key);
        shard.counters.insert(key.digest(), Counter { full_again, window });
        Step::Within
    }

    pub(super) fn refund(&self, key: &Key, rate: Rate, now: Duration) {
        let (now, [each, window]) = (micros(now), interval_and_window(rate));
        let mut shard = self.shard(key);
        let full_again = shard.full_again(key, now, window).saturating_sub(each);
        if full_again <= now {
            shard.counters.remove(&key.digest());
        } else {
            shard.counters.insert(key.digest(), Counter { full_again, window });
        }
    }

    /// Marks the counter as exhausted until `next`, as reported by the shared counter.
    pub(super) fn fill(&self, key: &Key, rate: Rate, (now, next): (Duration, Duration)) {
        let (now, [each, window]) = (micros(now), interval_and_window(rate));
        let full_again = now + window - each + micros(next).min(each);
        let mut shard = self.shard(key);
        shard.make_room(now, self.keys_per_shard, key);
        shard.counters.insert(key.digest(), Counter { full_again, window });
    }

    #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        let at = self.spread.hash_one(key.digest()) as usize % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    /// Clamped between now and one window ahead, so that a clock that was set back locks no client out longer.
    fn full_again(&mut self, key: &Key, now: u64, window: u64) -> u64 {
        let Some(counter) = self.counters.get_mut(&key.digest()) else {
            return now;
        };
        counter.full_again = counter.full_again.clamp(now, now + window);
        counter.full_again
    }

    fn make_room(&mut self, now: u64, capacity: usize, key: &Key) {
        let is_full = self.counters.len() >= capacity && !self.counters.contains_key(&key.digest());
        if is_full || now.abs_diff(self.swept) >= SWEEP_EVERY {
            self.swept = now;
            self.counters.retain(|_, counter| counter.full_again > now);
            self.counters.shrink_to(2 * self.counters.len());
        }
        if is_full && self.counters.len() >= capacity {
            self.drop_least_used(now);
        }
    }

    /// Drops an eighth, so that during a flood the search runs only once in thousands of keys.
    fn drop_least_used(&mut self, now: u64) {
        let mut uses: Vec<u64> = self.counters.values().map(|counter| counter.use_at(now)).collect();
        let mut surplus = uses.len().div_ceil(8);
        let (_, &mut most, _) = uses.select_nth_unstable(surplus - 1);
        self.counters.retain(|_, counter| {
            let stays = surplus == 0 || counter.use_at(now) > most;
            surplus -= usize::from(!stays);
            stays
        });
    }
}

impl Counter {
    /// Returns the used share in millionths, which is comparable between limits.
    fn use_at(self, now: u64) -> u64 {
        let used = u128::from(self.full_again.saturating_sub(now));
        u64::try_from(used * 1_000_000 / u128::from(self.window)).unwrap_or(u64::MAX)
    }
}

/// Returns the time until one is available and until all are, in µs.
pub(super) fn interval_and_window(rate: Rate) -> [u64; 2] {
    let count = u64::from(rate.count.max(1));
    let each = (micros(rate.per) / count).max(1);
    [each, each * count]
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::limits::Policy;

    const LOGIN: Policy = Policy::LoginPerAccount;
    const TEN: Rate = Rate {
        count: 10,
        per: Duration::from_secs(900),
    };
    const START: Duration = Duration::from_secs(1_700_000_000);

    fn key(number: usize) -> Key {
        Key::of(LOGIN).identifier(&number.to_string())
    }

    fn len(counters: &Counters) -> usize {
        counters
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap().counters.len())
            .sum()
    }

    fn passes(counters: &Counters, key: &Key, now: Duration) -> bool {
        matches!(counters.spend(key, TEN, now), Step::Within)
    }

    #[test]
    fn memory_is_bounded_and_a_flood_does_not_reset_an_exhausted_counter() {
        let counters = Counters::with_capacity(64);
        let mine = Key::of(LOGIN).identifier("mine");
        while passes(&counters, &mine, START) {}
        for number in 0..100_000 {
            assert!(passes(&counters, &key(number), START));
        }
        assert!(len(&counters) <= 64 * SHARDS);
        assert!(
            !passes(&counters, &mine, START),
            "the flood has pushed out its own keys"
        );
    }

    #[test]
    fn even_a_flood_of_exhausted_keys_drops_no_more_than_it_must() {
        let counters = Counters::with_capacity(64);
        for number in 0..2_000 {
            while passes(&counters, &key(number), START) {}
        }
        assert!(len(&counters) > 64 * SHARDS / 2, "{}", len(&counters));
    }

    #[test]
    fn idle_keys_are_dropped_in_passing() {
        let counters = Counters::default();
        for number in 0..10_000 {
            passes(&counters, &key(number), START);
        }
        let later = START + Duration::from_secs(91);
        for number in 0..1_000 {
            passes(&counters, &Key::of(LOGIN).identifier(&format!("later {number}")), later);
        }
        assert_eq!(len(&counters), 1_000);
    }

    #[test]
    fn f_14_setting_the_clock_back_extends_no_limit_beyond_its_window() {
        let counters = Counters::default();
        while passes(&counters, &key(1), START + Duration::from_secs(1_000_000)) {}
        assert_eq!(
            counters.spend(&key(1), TEN, START),
            Step::Over {
                next: Duration::from_secs(90)
            }
        );
        assert!(passes(&counters, &key(1), START + Duration::from_secs(90)));
    }

    #[test]
    fn the_highest_rates_work() {
        let counters = Counters::default();
        let most = Rate {
            count: 1_000_000,
            per: Duration::from_secs(1),
        };
        for _ in 0..1_000 {
            assert!(matches!(counters.spend(&key(1), most, START), Step::Within));
        }
    }
}
