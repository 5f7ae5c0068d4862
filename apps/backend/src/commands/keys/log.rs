//! The audit log of changes of keys, which are files: it is written after them.

use countersign_store::Db;

use crate::commands::installation::notice;
use crate::core::caller::Caller;
use crate::core::clock::Clock;
use crate::features::audit::{self, Event, EventKind};

/// Writes down what was done to which key.
pub(super) struct Log {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) caller: Caller,
    pub(super) json: bool,
}

impl Log {
    /// The key has changed already, so a failure here is told and undoes nothing.
    pub(super) async fn write(&self, kind: EventKind, kid: &str) {
        let event = Event::new(kind, None, &self.caller).detail(kid);
        if let Err(error) = audit::record_alone(&self.db, &self.clock, event).await {
            let text = format!("the command succeeded, but writing to the audit log failed: {error}");
            notice(self.json, &text);
        }
    }
}
