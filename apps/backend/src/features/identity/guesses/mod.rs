//! Counts guesses at the codes sent to an email address.
//! The count belongs to the email address, not the account, so deleting and recreating an account does not reset it.
//! It ends when the owner verifies the email address, or some time after the last guess.
//! Its table is `guess_counts`; `email_challenges` does the counting.

mod email_digest;
mod service;
mod store;

pub use email_digest::EmailDigest;
pub use service::{forget, give_back, remove_ended, take};
