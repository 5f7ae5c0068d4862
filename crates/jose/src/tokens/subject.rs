//! Whom a token is about: a person's account, or a client that acts for itself.

use std::fmt;

use serde::{Serialize, Serializer};
use uuid::Uuid;

/// Whom a token is about (`sub`).
///
/// A token of the client credentials grant has no person behind it; its `sub` is the client itself (RFC 9068 §2.2). That
/// invites confusion: a client that could choose its name would pass for an account (RFC 9068 §5, RFC 9700 §4.15). Here
/// the two cannot meet, by three rules (`docs/adr/0012-subjects-of-tokens.md`):
///
/// 1. The `sub` of an account is a UUID.
/// 2. The `sub` of a client is its `client_id`, letter by letter, and a `client_id` is never a UUID.
/// 3. A client's token has no `sid`, `auth_time` or `amr`, for nobody signed in.
///
/// A token that breaks one of them is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// The account of a person.
    Account(Uuid),
    /// A client, by its `client_id`.
    Client(String),
}

impl Subject {
    /// The account; `None` for a client.
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

/// As `sub` has it.
impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
