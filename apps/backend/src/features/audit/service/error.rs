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
    #[error(
        "the newest checkpoint of the audit log (row {0}) has an invalid signature; run `countersign audit verify`"
    )]
    Broken(i64),
    /// The row by which servers take turns is missing.
    #[error("the table audit_head is empty; run `countersign audit verify`")]
    NoHead,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
