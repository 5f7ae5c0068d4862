//! What to do if a status list is unavailable.

use std::time::Duration;

use crate::TokenStatus;

const GRACE: Duration = Duration::from_secs(10);

/// What a guard does if it cannot refresh a status list because the issuer is down or unreachable.
///
/// In each case, a token whose bit is set in the current list is rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenStale {
    /// Uses the current list until its `exp` (by default an hour after it was signed), then answers 503.
    #[default]
    ServeUntilExpiry,
    /// Accepts tokens, even without a list. Revocations are not noticed while the issuer is down.
    FailOpen,
    /// Answers 503 once the list has not been confirmed for its `ttl` plus ten seconds, which allow for the running request.
    FailClosed,
}

/// The age of a list.
pub(super) struct Age {
    /// Whether its `exp` has passed.
    pub(super) expired: bool,
    /// The time since the issuer last confirmed it.
    pub(super) unconfirmed: Duration,
    /// The time after which it must be fetched again.
    pub(super) ttl: Duration,
}

impl WhenStale {
    /// Returns the status of a token whose bit is not set.
    pub(super) fn with_list(self, age: &Age) -> TokenStatus {
        let serves = match self {
            Self::FailOpen => true,
            Self::ServeUntilExpiry => !age.expired,
            Self::FailClosed => !age.expired && age.unconfirmed <= age.ttl + GRACE,
        };
        if serves {
            TokenStatus::Valid
        } else {
            TokenStatus::Unavailable
        }
    }

    /// Returns the status of a token if there is no list.
    pub(super) fn without_list(self) -> TokenStatus {
        match self {
            Self::FailOpen => TokenStatus::Valid,
            Self::ServeUntilExpiry | Self::FailClosed => TokenStatus::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Age, Duration, TokenStatus, WhenStale};

    #[test]
    fn each_policy_has_its_end() {
        let said = |policy: WhenStale, expired, unconfirmed| {
            let age = Age {
                expired,
                unconfirmed: Duration::from_secs(unconfirmed),
                ttl: Duration::from_secs(30),
            };
            policy.with_list(&age) == TokenStatus::Valid
        };
        assert!(said(WhenStale::ServeUntilExpiry, false, 3000) && !said(WhenStale::ServeUntilExpiry, true, 0));
        assert!(said(WhenStale::FailOpen, true, 100_000));
        assert!(said(WhenStale::FailClosed, false, 40));
        assert!(!said(WhenStale::FailClosed, false, 41) && !said(WhenStale::FailClosed, true, 0));
    }
}
