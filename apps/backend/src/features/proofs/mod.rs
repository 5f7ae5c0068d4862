//! Proofs that somebody holds an e-mail address: a link, and six digits for where links do not work.
//! A proof is made when its mail is sent; it is for one purpose, one address and one state of the account, is spent once,
//! and the newest is the only one. Both are stored as hashes.
//! `email_proofs` is its table; `verification`, `recovery` and `auth` say what a proof does.

mod code;
mod guess;
mod link_secret;
mod service;
mod store;

pub use code::Code;
pub use link_secret::LinkSecret;
pub use service::{Answer, Checked, Made, ProofError, Proven, check, is_spent, lifetime, make, peek, spend};
pub use store::{remove_ended, void_all};
