//! Moving the server's clock, which determines all expiry.

use std::time::Duration;

use super::Dev;
use crate::core::clock::Timestamp;

/// 9000-01-01T00:00:00Z: limits the clock so that all expiry times still have four-digit years.
const LATEST: Timestamp = Timestamp(221_845_392_000_000);

/// How to move the clock.
pub(crate) enum Move {
    /// Forward by this duration.
    Forward(Duration),
    /// To a time in the past or the future.
    To(Timestamp),
}

/// The time is out of range.
#[derive(Debug, thiserror::Error)]
#[error("The clock cannot be set beyond {LATEST}.")]
pub(crate) struct BeyondAllTime;

impl Dev {
    /// Moves the clock and returns its new time.
    ///
    /// # Errors
    /// [`BeyondAllTime`].
    pub(crate) fn move_clock(&self, to: Move) -> Result<Timestamp, BeyondAllTime> {
        let clock = &self.platform.clock;
        match to {
            Move::Forward(by) if clock.now() + by < LATEST => clock.advance(by),
            Move::To(to) if to < LATEST => clock.set(to),
            Move::Forward(_) | Move::To(_) => return Err(BeyondAllTime),
        }
        Ok(clock.now())
    }
}
