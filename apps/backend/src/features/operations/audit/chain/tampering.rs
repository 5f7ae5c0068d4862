//! The errors that verification can find in a log.

use std::fmt;

use uuid::Uuid;

use super::SealedRow;
use crate::core::ids::{AccountId, AuditId};

/// The first error that was found in a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Tampering {
    /// A row differs from what was sealed.
    #[error("row {0} was changed after it was sealed")]
    Changed(RowName),
    /// A row is missing.
    #[error("row {0} was removed")]
    Removed(i64),
    /// There is an additional row.
    #[error("row {0} was inserted: it was never sealed at this position")]
    Inserted(RowName),
    /// Rows are not in the order in which they were sealed.
    #[error("row {0} is at a position where another row was sealed: rows were reordered")]
    Moved(RowName),
    /// A checkpoint is not what the log signed: its signature is wrong, or it does not fit its place.
    #[error("the checkpoint at row {0} is forged: {1}")]
    Forged(i64, &'static str),
    /// Rows and their hashes were rewritten.
    #[error("rows {0} to {1} were rewritten: their hashes do not match the checkpoint")]
    Rewritten(i64, i64),
    /// The end of the log was removed.
    #[error("the log ends at row {0}, but the saved checkpoint seals rows up to {1}: the end of the log was removed")]
    Tail(i64, i64),
    /// A saved checkpoint is not in the log.
    #[error("the log does not match the saved checkpoint at row {0}: it was rewritten and signed again")]
    OtherHistory(i64),
    /// A saved checkpoint was removed with expired entries, although it is newer than those.
    #[error(
        "rows up to the saved checkpoint at row {0} were removed as expired, but that checkpoint is newer than the \
         expired rows"
    )]
    KeptRemoved(i64),
    /// Entries were removed before they had expired.
    #[error(
        "entries up to row {through} were removed as expired after only {age} s; the retention is {}",
        retention.map_or("unlimited".to_owned(), |retention| format!("{retention} s"))
    )]
    RemovedEarly {
        through: i64,
        /// The age of the newest of them, in seconds.
        age: i64,
        /// The required age, as signed by the log; `None` if entries are kept forever.
        retention: Option<i64>,
    },
    /// The IP address and device of an existing account were erased.
    #[error(
        "the IP address and device of row {0} were erased, but the log does not record that its account was deleted"
    )]
    Erased(RowName),
    /// A pseudonym was assigned to another account.
    #[error("audit_subjects assigns the pseudonym {0} to an account it does not belong to")]
    OtherAccount(Uuid),
    /// The account of a pseudonym is unknown.
    #[error(
        "the pseudonym {0} was removed from audit_subjects, but the log does not record that its account was deleted"
    )]
    PseudonymWithoutAccount(Uuid),
    /// An account exists that the log does not know.
    #[error(
        "the account {0} exists, but the log has no registration for it: its row was inserted manually, or restored \
         after the account was deleted and forgotten"
    )]
    Unregistered(AccountId),
    /// The row that coordinates servers is missing.
    #[error("the row of audit_head was removed or its ID changed; without it, nothing is sealed")]
    NoHead,
    /// A checkpoint that no later one confirms.
    #[error(
        "the key {1}, which signed the checkpoint at row {0}, was not found, and the server that signed the next \
         checkpoint did not have it either; pass the public key with --public-key, or a key set that contains it with \
         --jwks"
    )]
    Unvouched(i64, String),
    /// The newest checkpoint is signed with none of the given keys.
    #[error(
        "the key {0}, which signed the newest checkpoint, was not found; pass the public key with --public-key, or a \
         key set that contains it with --jwks"
    )]
    UnknownKey(String),
    /// The saved checkpoint cannot be read.
    #[error(
        "the file given with --against must contain saved checkpoints, one per line, each signed with a key of this \
         log"
    )]
    NoCheckpoint,
}

/// A row, by its position and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowName {
    pub seq: i64,
    pub id: AuditId,
}

impl RowName {
    pub(super) fn of(row: &SealedRow) -> Self {
        Self {
            seq: row.seq,
            id: row.id,
        }
    }
}

impl fmt::Display for RowName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.seq, self.id)
    }
}
