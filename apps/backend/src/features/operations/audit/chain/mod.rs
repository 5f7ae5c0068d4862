//! The tamper-evident log: hashing of rows and verification, without I/O.
//! docs/guides/audit.md describes the format for other verifiers.

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
