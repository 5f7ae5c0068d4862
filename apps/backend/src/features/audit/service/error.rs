//! Why the log is not sealed.

use countersign_store::StoreError;

use crate::features::keys::IssueError;

/// Why nothing was sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The checkpoint could not be signed.
    #[error(transparent)]
    Sign(#[from] IssueError),
    /// The log is not as it was sealed: nothing is signed on top of that.
    #[error("the newest checkpoint, at row {0}, is not what was signed; see `countersign audit verify`")]
    Broken(i64),
    /// The row by which servers take turns is missing.
    #[error("audit_head has no row; see `countersign audit verify`")]
    NoHead,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
