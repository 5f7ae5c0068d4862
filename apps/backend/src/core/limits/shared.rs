//! The counters shared by all nodes in Redis: the same rule as `counters.rs`, as an atomic script.
//!
//! It uses the time of Redis: otherwise nodes with different clocks would disagree, and one that is ahead would reset the counters
//! of all. A key expires when its counter is fully available.

use std::fmt::Write;
use std::time::Duration;

use super::counters::{Step, interval_and_window};
use super::key::Key;
use crate::core::redis::Redis;
use crate::settings::Rate;

pub(super) struct Shared(pub(super) Redis);

/// Returns 0 if allowed, otherwise the µs until one is available. Times are in µs, which a double represents exactly until 2255.
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
    /// `None` if Redis is unavailable.
    pub(super) async fn spend(&self, key: &Key, rate: Rate) -> Option<Step> {
        match self.0.eval(SPEND, &name(key), interval_and_window(rate)).await? {
            0 => Some(Step::Within),
            micros => Some(Step::Over {
                next: Duration::from_micros(micros),
            }),
        }
    }

    pub(super) async fn refund(&self, key: &Key, rate: Rate) {
        // What Redis did not receive becomes available over time.
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
