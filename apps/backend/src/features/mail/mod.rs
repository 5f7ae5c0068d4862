//! Mails: what each purpose says, and the sending of what the outbox owes.
//! The link and the code of a mail are made here, when it is sent. Whoever it is for is looked up here too: a mail about an
//! account goes to that account's address and to no other, and one for an address without an account is dropped, and nobody
//! is told.
//! It owns no table.

mod compose;
mod service;

pub use service::Delivery;
