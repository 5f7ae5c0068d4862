//! The subject of a token: a user's account, or a client that acts for itself.

use std::fmt;

use serde::{Serialize, Serializer};
use uuid::Uuid;

/// The subject of a token (`sub`).
///
/// A token of the client credentials grant has no user; its `sub` is the client itself (RFC 9068 §2.2). A client that could
/// choose its id could therefore pass for an account (RFC 9068 §5, RFC 9700 §4.15). Three rules prevent this (`docs/adr/0012-subjects-of-tokens.md`):
///
/// 1. The `sub` of an account is a UUID.
/// 2. The `sub` of a client equals its `client_id`, and a `client_id` is never a UUID.
/// 3. A client's token has no `sid`, `auth_time` or `amr`, because no user signed in.
///
/// A token that breaks one of them is rejected.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// A user's account.
    Account(Uuid),
    /// A client, by its `client_id`.
    Client(String),
}

impl Subject {
    /// Returns the account; `None` for a client.
    pub fn account(&self) -> Option<Uuid> {
        match self {
            Self::Account(id) => Some(*id),
            Self::Client(_) => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => fmt::Display::fmt(id, formatter),
            Self::Client(id) => formatter.write_str(id),
        }
    }
}

/// In the form of the `sub` claim.
impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
