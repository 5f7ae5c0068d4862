//! Resetting a password: a mail to the address of the account, and a new password for whoever reads it.
//! It signs nobody in, ends every session, and asks for no less than signing in does afterwards. An invitation is the
//! same, for an account whose password nobody ever knew.
//! It owns no table.

mod router;
mod schemas;
mod service;

pub use router::router;
pub use service::Recovery;
