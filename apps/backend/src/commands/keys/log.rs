//! Audit entries for key changes. They are written after the key files have changed.

use countersign_store::Db;

use crate::commands::installation::notice;
use crate::core::caller::Caller;
use crate::core::clock::Clock;
use crate::features::operations::audit::{self, Event, EventKind};

/// Records key changes in the audit log.
pub(super) struct Log {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) caller: Caller,
    pub(super) json: bool,
}

impl Log {
    /// Records a key change. The key has already changed, so a failure is only reported.
    pub(super) async fn write(&self, kind: EventKind, kid: &str) {
        let event = Event::new(kind, None, &self.caller).detail(kid);
        if let Err(error) = audit::record_alone(&self.db, &self.clock, event).await {
            let text = format!("the command succeeded, but writing to the audit log failed: {error}");
            notice(self.json, &text);
        }
    }
}
