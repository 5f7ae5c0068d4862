//! Compares the clocks of other machines with this one.

use std::time::Duration;

use super::finding::Finding;

/// The clock difference that is tolerated silently, and the one from which tokens are rejected.
pub(super) const CLOSE: Duration = Duration::from_secs(2);
const LEEWAY: Duration = Duration::from_secs(30);

/// Reports the difference between another clock (`theirs`) and this machine's (`ours`), both in milliseconds.
pub(super) fn compare_clocks(whose: &str, theirs: i64, ours: i64) -> Finding {
    let off = Duration::from_millis(theirs.abs_diff(ours));
    let which = if theirs > ours { "ahead of" } else { "behind" };
    let found = format!("{whose} is {:.1} s {which} this machine", off.as_secs_f64());
    let remedy = "synchronize both clocks with NTP (`timedatectl set-ntp true`); token lifetimes depend on them";
    if off > LEEWAY {
        Finding::fail("clock", found, remedy)
    } else if off > CLOSE {
        Finding::warn("clock", found, remedy)
    } else {
        Finding::ok("clock", format!("{whose} and this machine agree"))
    }
}
