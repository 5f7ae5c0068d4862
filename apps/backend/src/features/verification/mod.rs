//! Proving that an e-mail address is its owner's: the one that somebody signed up with, and the one they change to.
//! To prove a mailbox blesses no password, session or pending change of somebody else: see `service`.
//! It owns no table: `outbox` queues the email, `email_challenges` judges what comes back, `accounts` remembers it.

mod router;
mod schemas;
mod service;

pub use router::router;
pub use service::{Claim, Verification};
