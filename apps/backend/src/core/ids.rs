//! IDs of rows: UUIDs of version 7, which sort by time. They are not secret.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_store::column;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::{Builder, Uuid};

use super::clock::Timestamp;
use super::random::SecureRandom;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = Uuid)]
        pub struct $name(pub Uuid);

        column!($name as Uuid);

        impl $name {
            /// A new id, made at `now` (RFC 9562 §5.7).
            pub fn new(now: Timestamp, random: SecureRandom) -> Self {
                Self(uuid_v7(now, random))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// The ID of an account, which is the `sub` of its tokens.
    AccountId
);
id!(
    /// The ID of a session; `sid` in its tokens.
    SessionId
);
id!(
    /// Names a sign-up whose email address is yet to be confirmed.
    RegistrationId
);
id!(
    /// Names an authorization request that a browser is answering.
    AuthorizationRequestId
);
id!(
    /// Names a request of a device for access.
    DeviceRequestId
);
id!(
    /// Names an entry of the audit log.
    AuditId
);

impl AccountId {
    /// Returns the creation time in milliseconds since the epoch; 0 if the ID contains none.
    #[must_use]
    pub fn made_at(self) -> i64 {
        let (seconds, nanos) = self.0.get_timestamp().map_or((0, 0), |made| made.to_unix());
        i64::try_from(seconds.saturating_mul(1000)).unwrap_or(0) + i64::from(nanos / 1_000_000)
    }
}

/// A session and the account that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRef {
    pub account: AccountId,
    pub session: SessionId,
}

/// Returns a UUID of version 7, for IDs without their own type, such as `jti`.
pub fn uuid_v7(now: Timestamp, random: SecureRandom) -> Uuid {
    // One counter for the whole process, because IDs of all kinds are ordered together. Nothing but the order depends on it.
    static LAST: AtomicU64 = AtomicU64::new(0);
    let mut tail: [u8; 10] = random.bytes();
    let position = next_position(&LAST, now, u16::from_be_bytes([tail[0], tail[1]]));
    let [.., high, low] = position.to_be_bytes();
    [tail[0], tail[1]] = [high, low];
    Builder::from_unix_timestamp_millis(position >> COUNTER_BITS, &tail).into_uuid()
}

/// The size of `rand_a`, which counts the UUIDs of a millisecond.
const COUNTER_BITS: u32 = 12;

/// How far in the future the time of a UUID may be.
const MAX_LEAD_MILLIS: u64 = 1000;

/// Returns milliseconds and counter of the next UUID. They ascend, so that UUIDs made by one process in the same millisecond
/// sort by the order in which they were made, as the entries of one request in the audit log do (RFC 9562 §6.2, method 1).
///
/// If the clock is set back by more than a second, the order starts again. `random` is where counting begins in a new
/// millisecond.
fn next_position(last: &AtomicU64, now: Timestamp, random: u16) -> u64 {
    let now = u64::try_from(now.millis()).unwrap_or(0);
    // One bit less: the other half of the range is left to count up in.
    let start = (now << COUNTER_BITS) | u64::from(random >> (u16::BITS - COUNTER_BITS + 1));
    let after = |last: u64| match last >> COUNTER_BITS {
        lead if (now..=now + MAX_LEAD_MILLIS).contains(&lead) => last + 1,
        _ => start,
    };
    let replaced = last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
    after(replaced.unwrap_or_else(|last| last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    #[test]
    fn ids_carry_their_time() {
        let id = AccountId::new(at(1_700_000_000_000), SecureRandom);
        assert_eq!((id.0.get_version_num(), id.made_at()), (7, 1_700_000_000_000));
    }

    #[test]
    fn ids_sort_in_the_order_in_which_they_were_made() {
        let last = AtomicU64::new(0);
        let made: Vec<_> = [5, 5, 6, 5, 5, 7]
            .map(|now| next_position(&last, at(now), u16::MAX))
            .into();
        assert!(made.is_sorted_by(|one, next| one < next), "{made:?}");
        let many: Vec<_> = (0..5000).map(|_| next_position(&last, at(8), u16::MAX)).collect();
        assert!(many.is_sorted_by(|one, next| one < next));
        assert_eq!(
            (many[0] >> COUNTER_BITS, many[4999] >> COUNTER_BITS),
            (8, 9),
            "a full millisecond continues in the next"
        );
    }

    #[test]
    fn a_clock_that_is_set_back_is_followed() {
        let last = AtomicU64::new(0);
        assert_eq!(next_position(&last, at(5000), 0) >> COUNTER_BITS, 5000);
        assert_eq!(next_position(&last, at(3999), 0) >> COUNTER_BITS, 3999);
    }
}
