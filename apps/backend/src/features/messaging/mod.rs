//! Emails: the queue, and their delivery.

pub mod mail;
pub mod outbox;
