//! Errors of sealing.

use countersign_store::StoreError;

use crate::features::operations::keys::IssueError;

/// Why sealing failed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The checkpoint could not be signed.
    #[error(transparent)]
    Sign(#[from] IssueError),
    /// The log differs from what was sealed, so nothing more is signed.
    #[error(
        "the newest checkpoint of the audit log (row {0}) has an invalid signature; run `countersign audit verify`"
    )]
    Broken(i64),
    /// The row that coordinates servers is missing.
    #[error("the table audit_head is empty; run `countersign audit verify`")]
    NoHead,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
