//! IDs of rows: UUIDs of version 7, which sort by time. They are not secret.

use std::fmt;

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
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &random.bytes()).into_uuid()
}
