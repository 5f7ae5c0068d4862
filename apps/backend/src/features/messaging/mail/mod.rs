//! Emails: the texts of each purpose, and delivery of the queue in the outbox. The link and the code are created when the
//! email is sent. The recipient is looked up at the same time: an email about an account goes to the account's email address
//! only, and one for an email address without an account is dropped silently. This feature has no table.
//!
//! Queuing, in the request, is in `outbox` (`service/enqueue.rs`). docs/ARCHITECTURE.md follows one email from end to end.

mod compose;
mod details;
mod service;
#[cfg(test)]
mod tests;

pub use service::Delivery;
