//! The rules for queuing, claiming and ending emails.

mod claim;
mod enqueue;

pub use self::claim::{ClaimedMail, MailOutcome};
pub use self::enqueue::{RequestContext, enqueue, queued};
use crate::core::platform::Platform;

/// The outbox of this database. Cloning is cheap.
#[derive(Clone)]
pub struct Outbox {
    pub(crate) platform: Platform,
}
