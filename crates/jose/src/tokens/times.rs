//! The times in a token, and the current time to compare them with.

use super::ClaimsError;

/// The times of a token, in seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When the token was issued.
    pub iat: i64,
    /// When it expires: it is rejected from this second on.
    pub exp: i64,
    /// When it becomes valid, if specified.
    pub nbf: Option<i64>,
}

/// The current time, as known to a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// The time, in seconds since the epoch.
    pub now: i64,
    /// The allowed clock difference in seconds, usually at most a minute (RFC 7519 §4.1.4).
    pub leeway: u32,
}

impl Times {
    /// Compares the times with the current time.
    ///
    /// # Errors
    /// [`ClaimsError::Expired`], [`ClaimsError::NotYetValid`] or [`ClaimsError::IssuedInTheFuture`].
    pub fn check(self, present: Present) -> Result<(), ClaimsError> {
        let leeway = i64::from(present.leeway);
        // RFC 7519 §4.1.4: the token is rejected "on or after" the time in `exp`.
        if present.now.saturating_sub(leeway) >= self.exp {
            return Err(ClaimsError::Expired);
        }
        let latest = present.now.saturating_add(leeway);
        if self.nbf.is_some_and(|nbf| nbf > latest) {
            return Err(ClaimsError::NotYetValid);
        }
        if self.iat > latest {
            return Err(ClaimsError::IssuedInTheFuture);
        }
        Ok(())
    }
}
