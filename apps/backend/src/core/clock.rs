//! The clock. All code that needs the time of day uses a [`Clock`] passed to it.
//!
//! Times are parsed and formatted (RFC 3339, in UTC) by `humantime`, which has no dependencies; its durations are not
//! used (see `settings/duration.rs`). Nothing else needs a calendar.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_store::column;
use serde::{Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z. RFC 3339 on the wire, BIGINT in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

column!(Timestamp as i64);

/// The source of the time of day: the system clock, a fixed time, or the system clock with an offset. Clones share
/// their time.
#[derive(Clone, Debug, Default)]
pub struct Clock(TimeSource);

#[derive(Clone, Debug, Default)]
enum TimeSource {
    #[default]
    System,
    /// The current time in milliseconds.
    Fixed(Arc<AtomicI64>),
    /// The offset from the system clock in milliseconds.
    Moved(Arc<AtomicI64>),
}

impl Clock {
    /// Creates the system clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// Creates a clock that stays at `start` until it is advanced.
    pub fn fixed(start: Timestamp) -> Self {
        Self(TimeSource::Fixed(Arc::new(AtomicI64::new(start.0))))
    }

    /// Creates a clock that follows the system clock and can be moved.
    pub fn movable() -> Self {
        Self(TimeSource::Moved(Arc::default()))
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            TimeSource::System => system_now(),
            TimeSource::Fixed(millis) => Timestamp(millis.load(Ordering::SeqCst)),
            TimeSource::Moved(ahead) => Timestamp(system_now().0.saturating_add(ahead.load(Ordering::SeqCst))),
        }
    }

    /// Moves the clock forward. Has no effect on the system clock.
    pub fn advance(&self, by: Duration) {
        if let TimeSource::Fixed(millis) | TimeSource::Moved(millis) = &self.0 {
            millis.fetch_add(whole_millis(by), Ordering::SeqCst);
        }
    }

    /// Sets the clock. Has no effect on the system clock.
    pub fn set(&self, to: Timestamp) {
        match &self.0 {
            TimeSource::System => {}
            TimeSource::Fixed(millis) => millis.store(to.0, Ordering::SeqCst),
            TimeSource::Moved(ahead) => ahead.store(to.0.saturating_sub(system_now().0), Ordering::SeqCst),
        }
    }
}

impl Timestamp {
    /// Returns milliseconds since the epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Returns whole seconds since the epoch, as used in tokens.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(whole_millis(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(whole_millis(duration)))
    }
}

impl fmt::Display for Timestamp {
    /// Formats as RFC 3339 in UTC, to the second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since_epoch = Duration::from_millis(u64::try_from(self.0).unwrap_or(0));
        humantime::format_rfc3339_seconds(UNIX_EPOCH + since_epoch).fmt(f)
    }
}

/// The text is not an RFC 3339 time in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid time. Use UTC in the format 2027-01-01T00:00:00Z.")]
pub struct NoTimestamp;

impl FromStr for Timestamp {
    type Err = NoTimestamp;

    /// Parses RFC 3339 in UTC, from 1970 on. Accepts `+00:00`, which Python writes.
    fn from_str(text: &str) -> Result<Self, NoTimestamp> {
        let utc = text.strip_suffix("+00:00").map(|text| format!("{text}Z"));
        let time = humantime::parse_rfc3339(utc.as_deref().unwrap_or(text)).map_err(|_| NoTimestamp)?;
        let since_epoch = time.duration_since(UNIX_EPOCH).map_err(|_| NoTimestamp)?;
        Ok(Self(whole_millis(since_epoch)))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn whole_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
fn system_now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(whole_millis(since_epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_for_all_its_clones() {
        let clock = Clock::fixed(Timestamp(1_000));
        clock.clone().advance(Duration::from_secs(2));
        assert_eq!(clock.now(), Timestamp(3_000));
    }

    #[test]
    fn a_movable_clock_goes_on_from_where_it_was_moved() {
        let clock = Clock::movable();
        let apart = |clock: &Clock, from: Timestamp| Duration::from_millis((clock.now().0 - from.0).unsigned_abs());
        let minute = Duration::from_secs(60);
        assert!(apart(&clock, system_now()) < minute);
        clock.clone().advance(60 * minute);
        assert!(apart(&clock, system_now() + 60 * minute) < minute);
        clock.set(Timestamp(1_000));
        assert!(apart(&clock, Timestamp(1_000)) < minute);
    }

    #[test]
    fn the_clock_of_the_system_cannot_be_moved() {
        let clock = Clock::system();
        clock.set(Timestamp(1_000));
        assert!(clock.now() > Timestamp(1_000_000_000_000));
    }

    #[test]
    fn is_written_and_read_as_rfc_3339() {
        assert_eq!(Timestamp(1_700_000_000_123).to_string(), "2023-11-14T22:13:20Z");
        for text in ["2023-11-14T22:13:20.123Z", "2023-11-14T22:13:20.123+00:00"] {
            assert_eq!(text.parse(), Ok(Timestamp(1_700_000_000_123)), "{text}");
        }
        for text in [
            "",
            "now",
            "2023-11-14",
            "2023-11-14T22:13:20",
            "1969-12-31T23:59:59Z",
            "2023-11-14T22:13:20+01:00",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NoTimestamp), "{text}");
        }
    }
}
