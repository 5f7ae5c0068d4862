//! Passwords: what is accepted as a new one, and how they are hashed and verified without taking the server down.
//! It owns the policy, the offline filter of common passwords and the pool of hashing threads.
//! It knows no account and no database: a stored hash comes in as text and goes out as text.

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
