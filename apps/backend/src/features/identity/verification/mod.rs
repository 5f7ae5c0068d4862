//! Verification of email addresses at sign-up and when they change.
//! Proving control of a mailbox does not approve another person's password, session or pending change: see `service`.
//! Owns no table: `outbox` queues the email, `email_challenges` checks the response, `accounts` stores the result.

mod router;
mod schemas;
mod service;

pub use router::router;
pub use service::{Claim, Verification};
