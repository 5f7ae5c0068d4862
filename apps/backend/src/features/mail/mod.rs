//! Mails: what each purpose says, and the sending of what is queued in the outbox.
//! The link and the code of a mail are made here, when it is sent. Whoever it is for is looked up here too: a mail about an
//! account goes to that account's address and to no other, and one for an address without an account is dropped, and nobody
//! is told.
//! It owns no table.
//!
//! This is the second half of an email's way; the first, in the request that queues it, is in `outbox` (`service/enqueue.rs`).
//! docs/ARCHITECTURE.md walks one from end to end.

mod compose;
mod details;
mod service;
#[cfg(test)]
mod tests;

pub use service::Delivery;
