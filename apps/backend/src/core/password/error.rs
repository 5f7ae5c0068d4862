//! Why nothing was hashed.

use std::io;
use std::time::Duration;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many passwords wait to be hashed.
    #[error("too many passwords are waiting to be hashed")]
    Overloaded {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The server is shutting down.
    #[error("the password hashing threads have stopped")]
    Stopped,
    /// There was no memory, or the computation panicked.
    #[error("failed to compute the password hash")]
    Failed,
}

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub enum HasherStartError {
    /// Argon2id has no such parameters.
    #[error("invalid Argon2id parameters: {0}")]
    Parameters(argon2::Error),
    /// The operating system gives no thread.
    #[error("failed to start a thread for hashing passwords")]
    Thread(#[from] io::Error),
}

impl HashError {
    pub(crate) fn overloaded(retry_after: Duration) -> Self {
        Self::Overloaded { retry_after }
    }
}
