//! Other clocks beside ours.

use std::time::Duration;

use super::finding::Finding;

/// How far another clock may be off without a word, and how far until tokens are refused.
pub(super) const CLOSE: Duration = Duration::from_secs(2);
const LEEWAY: Duration = Duration::from_secs(30);

/// What to say of another clock that shows `theirs` (in milliseconds) while ours shows `ours`.
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
