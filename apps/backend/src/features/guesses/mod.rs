//! How often the codes that were mailed to an email address have been guessed at.
//! The count hangs on the address, not on the account: an account that is deleted and made anew has no new guesses.
//! It ends when the owner proves the address, or some time after the last guess.
//! `guess_counts` is its table; `email_challenges` counts.

mod email_digest;
mod service;
mod store;

pub use email_digest::EmailDigest;
pub use service::{forget, give_back, remove_ended, take};
