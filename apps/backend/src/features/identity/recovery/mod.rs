//! Resetting a password: an email to the account's email address, and a new password for its reader. It does not sign in,
//! and it ends all sessions. An invitation works the same way, for an account without a known password. This feature has no
//! table.

mod router;
mod schemas;
mod service;

pub use router::router;
pub use service::Recovery;
