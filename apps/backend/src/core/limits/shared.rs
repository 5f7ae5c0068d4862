//! The counters that all nodes share, in Redis: the same rule as `counters.rs`, as a script, which Redis runs whole.
//!
//! The time is Redis' own: nodes whose clocks differ would else give back at different moments, and one that is ahead
//! would empty the counters of all. A key lives as long as it has something to count.

use std::fmt::Write;
use std::time::Duration;

use super::counters::{Step, interval_and_window};
use super::key::Key;
use crate::core::redis::Redis;
use crate::settings::Rate;

pub(super) struct Shared(pub(super) Redis);

/// 0: within. Else in how many µs one comes back. Times in µs, of which a double holds every one until the year 2255.
const SPEND: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local each, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_again = tonumber(redis.call('GET', KEYS[1]) or now)
full_again = math.min(math.max(full_again, now), now + window) + each
if full_again - now > window then return full_again - now - window end
redis.call('SET', KEYS[1], string.format('%.0f', full_again), 'PX', math.ceil((full_again - now) / 1000))
return 0";

const REFUND: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local each, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_again = tonumber(redis.call('GET', KEYS[1]) or now)
full_again = math.min(math.max(full_again, now), now + window) - each
if full_again <= now then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], string.format('%.0f', full_again), 'PX', math.ceil((full_again - now) / 1000))
end
return 0";

impl Shared {
    /// `None` when Redis is away.
    pub(super) async fn spend(&self, key: &Key, rate: Rate) -> Option<Step> {
        match self.0.eval(SPEND, &name(key), interval_and_window(rate)).await? {
            0 => Some(Step::Within),
            micros => Some(Step::Over {
                next: Duration::from_micros(micros),
            }),
        }
    }

    pub(super) async fn refund(&self, key: &Key, rate: Rate) {
        // What Redis did not hear of is given back by time.
        let _ = self.0.eval(REFUND, &name(key), interval_and_window(rate)).await;
    }
}

fn name(key: &Key) -> String {
    let mut name = format!("limit:{}:", key.policy());
    for byte in key.digest() {
        let _ = write!(name, "{byte:02x}");
    }
    name
}
