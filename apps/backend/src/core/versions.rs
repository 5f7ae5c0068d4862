//! Two counters of an account. Each rises when something about it becomes void; one cannot stand for the other.

use countersign_store::column;
use serde::{Deserialize, Serialize};

macro_rules! version {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        column!($name as i64);

        impl $name {
            /// Of no account: theirs begin at 1.
            pub const NONE: Self = Self(0);
        }
    };
}

version!(
    /// Rises with each change of the password or the address. What was checked or mailed at another version is void.
    CredentialVersion
);
version!(
    /// Rises when all sessions of the account are ended. A session that was opened in another epoch has ended.
    SessionEpoch
);
