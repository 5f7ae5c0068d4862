//! Two counters of an account, which increase when something is invalidated. They are different types, so that they cannot be
//! confused.

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
            /// A value that no account has; accounts begin at 1.
            pub const NONE: Self = Self(0);
        }
    };
}

version!(
    /// Increases with each change of the password or the email address. It invalidates what was checked or emailed before.
    CredentialVersion
);
version!(
    /// Increases when all sessions of the account are ended. Sessions of another epoch have ended.
    SessionEpoch
);
