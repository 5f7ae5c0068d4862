//! Proving that an e-mail address is its owner's: the one that somebody signed up with, and the one they change to.
//! It owns no table: `outbox` owes the mail, `proofs` judges what comes back, `accounts` remembers it.

mod router;
mod schemas;
mod service;

pub use router::router;
pub use service::{ChangeError, ask_to_change, change, verify};
