//! What makes the log tamper-evident: how a row is hashed, and how a log is judged. Pure: rows in, verdict out.
//! docs/guides/audit.md describes the bytes for whoever verifies by other means.

mod batch;
mod checkpoint;
mod hash;
mod summary;
mod tampering;
mod verifier;

pub use checkpoint::{AuditCheckpointClaims, EarlierCheckpoint};
pub use hash::{Hash, Salt, SealedRow, commitment, genesis, pseudonym};
pub use summary::LogSummary;
pub use tampering::{RowName, Tampering};
pub(super) use verifier::DELETED;
pub use verifier::{LogVerifier, is_at_beginning};
