//! What can be wrong with a log, and how it is said.

use std::fmt;

use uuid::Uuid;

use super::SealedRow;
use crate::core::ids::{AccountId, AuditId};

/// What is wrong with a log: the first thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Tampering {
    /// A row says other things than were sealed.
    #[error("row {0} was changed after it was sealed")]
    Changed(RowName),
    /// There is a gap.
    #[error("row {0} was removed")]
    Removed(i64),
    /// There is a row too many.
    #[error("row {0} was inserted: it was never sealed at this position")]
    Inserted(RowName),
    /// Rows stand in another order than they were sealed in.
    #[error("row {0} is where another row was sealed: rows were reordered")]
    Moved(RowName),
    /// A checkpoint is not what the log signed.
    #[error("the checkpoint at row {0} is forged: {1}")]
    Forged(i64, &'static str),
    /// Rows and their hashes were written anew.
    #[error("rows {0} to {1} were rewritten: their hashes do not match the checkpoint")]
    Rewritten(i64, i64),
    /// What was there once is there no more.
    #[error("the log ends at row {0}, but the saved checkpoint seals rows up to {1}: the end of the log was removed")]
    Tail(i64, i64),
    /// A checkpoint that was kept is not in the log.
    #[error("the log does not match the saved checkpoint at row {0}: it was rewritten and signed again")]
    OtherHistory(i64),
    /// A checkpoint that was kept is gone although it is younger than what was removed because it was old.
    #[error(
        "rows up to the saved checkpoint at row {0} were removed as expired, but that checkpoint is newer than the \
         expired rows"
    )]
    KeptRemoved(i64),
    /// Entries were removed before they were old.
    #[error(
        "entries up to row {through} were removed as expired after only {age} s; the retention is {}",
        retention.map_or("unlimited".to_owned(), |retention| format!("{retention} s"))
    )]
    RemovedEarly {
        through: i64,
        /// How old the youngest was, in seconds.
        age: i64,
        /// How old it had to be, as the log signed; none if nothing was to be removed.
        retention: Option<i64>,
    },
    /// Address and device of a living person are gone.
    #[error(
        "the IP address and device of row {0} were erased, but the log does not record that its account was deleted"
    )]
    Erased(RowName),
    /// A pseudonym was given to another account.
    #[error("audit_subjects assigns the pseudonym {0} to an account it does not belong to")]
    OtherPerson(Uuid),
    /// Nobody can tell whose a pseudonym is.
    #[error(
        "the pseudonym {0} was removed from audit_subjects, but the log does not record that its account was deleted"
    )]
    NobodyAnyMore(Uuid),
    /// A person who is there and whom the log does not know.
    #[error(
        "the account {0} exists, but the log has no registration for it: its row was inserted manually, or restored \
         after the account was deleted and forgotten"
    )]
    Unregistered(AccountId),
    /// The row by which servers take turns is gone.
    #[error("the row of audit_head was removed or its ID changed; without it, nothing is sealed")]
    NoHead,
    /// A checkpoint that no later one vouches for.
    #[error(
        "the checkpoint at row {0} is signed with the unknown key {1}, which the server that continued from it did \
         not have either; pass its public key with --public-key, or its key set with --jwks"
    )]
    Unvouched(i64, String),
    /// No key of those given has signed the newest checkpoint.
    #[error(
        "the newest checkpoint is signed with the unknown key {0}; pass its public key with --public-key, or its \
         key set with --jwks"
    )]
    UnknownKey(String),
    /// What was given to compare with cannot be read.
    #[error("the value of --against is not a checkpoint signed with a key of this log")]
    NoCheckpoint,
}

/// A row by its place and its id.
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
