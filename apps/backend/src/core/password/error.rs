//! Errors of password hashing.

use std::io;
use std::time::Duration;

/// Why a password could not be hashed or verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many passwords are waiting to be hashed.
    #[error("too many passwords are waiting to be hashed")]
    Overloaded {
        /// The time after which to retry.
        retry_after: Duration,
    },
    /// The server is shutting down.
    #[error("the password hashing threads have stopped")]
    Stopped,
    /// Memory was exhausted, or the computation panicked.
    #[error("failed to compute the password hash")]
    Failed,
}

/// Why the pool could not be started.
#[derive(Debug, thiserror::Error)]
pub enum HasherStartError {
    /// The Argon2id parameters are invalid.
    #[error("invalid Argon2id parameters: {0}")]
    Parameters(argon2::Error),
    /// The operating system cannot create a thread.
    #[error("failed to start a thread for hashing passwords")]
    Thread(#[from] io::Error),
}

impl HashError {
    pub(crate) fn overloaded(retry_after: Duration) -> Self {
        Self::Overloaded { retry_after }
    }
}
