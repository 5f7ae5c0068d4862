//! The response body of an entry, for the user it is about.

use serde::Serialize;
use utoipa::ToSchema;

use super::store::Entry;
use crate::core::clock::Timestamp;
use crate::core::ids::SessionId;

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = Entry)]
pub struct EntryBody {
    /// The time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What happened.
    kind: String,
    /// `success` or `failure`.
    outcome: String,
    /// `account`, `administrator`, `operator`, `anyone` or `server`.
    actor: String,
    /// The session concerned, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session_id: Option<SessionId>,
    /// The IP address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    address: Option<String>,
    /// The device.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_agent: Option<String>,
}

impl From<Entry> for EntryBody {
    fn from(entry: Entry) -> Self {
        // The operator's name is shown to operators only.
        let actor = match entry.actor.split_once(':') {
            Some((actor, _)) => actor.to_owned(),
            None => entry.actor,
        };
        Self {
            at: entry.at,
            kind: entry.kind,
            outcome: entry.outcome,
            actor,
            session_id: entry.session_id,
            address: entry.address,
            user_agent: entry.user_agent,
        }
    }
}
