//! Moving the clock of the server. Everything that expires is judged by it, from this moment on.

use std::time::Duration;

use super::Dev;
use crate::core::clock::Timestamp;

/// 9000-01-01T00:00:00Z: from there on, what ends later could no longer be written in four digits.
const LATEST: Timestamp = Timestamp(221_845_392_000_000);

/// Where the clock is to go.
pub(crate) enum Move {
    /// On, by so much.
    Forward(Duration),
    /// To a time, in the past or in the future.
    To(Timestamp),
}

/// The clock does not go that far.
#[derive(Debug, thiserror::Error)]
#[error("The clock cannot be set beyond {LATEST}.")]
pub(crate) struct BeyondAllTime;

impl Dev {
    /// Moves the clock, and says what it shows then.
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
