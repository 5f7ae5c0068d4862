//! Why nothing was hashed.

use std::io;
use std::time::Duration;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many passwords wait to be hashed.
    #[error("too many passwords wait to be hashed")]
    Overloaded {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The server is shutting down.
    #[error("the hashing pool has stopped")]
    Stopped,
    /// There was no memory, or the computation panicked.
    #[error("the hash could not be computed")]
    Failed,
}

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub enum HasherStartError {
    /// Argon2id has no such parameters.
    #[error("these are no parameters for Argon2id: {0}")]
    Parameters(argon2::Error),
    /// The operating system gives no thread.
    #[error("no thread could be started for hashing passwords")]
    Thread(#[from] io::Error),
}

impl HashError {
    pub(crate) fn overloaded(retry_after: Duration) -> Self {
        Self::Overloaded { retry_after }
    }
}
