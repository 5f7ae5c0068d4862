//! How often somebody has guessed at what only the owner of an address knows: mailed codes, and passwords.
//! The count hangs on the address, not on the account: an account that is deleted and made anew has no new guesses.
//! It ends when the owner proves the address, or some time after the last guess.
//! `guess_counts` is its table; `accounts` and `proofs` count.

mod service;
mod store;
mod subject;

pub use service::{forget, give_back, remove_ended, take};
pub use subject::Subject;
