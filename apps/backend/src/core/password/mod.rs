//! Passwords: the policy for new ones, and hashing and verification without overloading the server.
//! Contains the policy, the offline filter of common passwords and the pool of hashing threads.
//! Independent of accounts and the database: stored hashes are passed as text.

mod argon2id;
mod context;
mod error;
mod filter;
mod hasher;
mod memory;
mod metrics;
mod pool;
mod queue;
mod rules;
mod schemes;
mod secret;
mod stored;

pub use context::PasswordContext;
pub use error::{HashError, HasherStartError};
pub use hasher::{Asker, Hasher, HashingOptions, Verdict};
pub use queue::Lane;
pub use rules::{Breached, PasswordFault, PasswordPolicy};
pub use secret::{NewPassword, Password};
