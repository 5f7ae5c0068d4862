//! What makes the log tamper-evident: how a row is hashed, and how a log is judged. Pure: rows in, verdict out.
//! docs/guides/audit.md describes the bytes for whoever verifies by other means.

mod batch;
mod checkpoint;
mod hash;
mod judge;
mod soundness;
mod tampering;

pub use checkpoint::{AuditCheckpointClaims, EarlierCheckpoint};
pub use hash::{Hash, Salt, SealedRow, commitment, genesis, is_commitment, pseudonym};
pub(super) use judge::DELETED;
pub use judge::{Judge, is_at_beginning};
pub use soundness::Soundness;
pub use tampering::{RowName, Tampering};
