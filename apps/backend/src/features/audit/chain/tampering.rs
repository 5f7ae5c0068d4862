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
    #[error("row {0} was inserted: it was never sealed at this place")]
    Inserted(RowName),
    /// Rows stand in another order than they were sealed in.
    #[error("row {0} stands where another one was sealed: rows were put in another order")]
    Moved(RowName),
    /// A checkpoint is not what the log signed.
    #[error("the checkpoint at row {0} is forged: {1}")]
    Forged(i64, &'static str),
    /// Rows and their hashes were written anew.
    #[error("rows {0} to {1} were rewritten: they do not lead to what their checkpoint sealed")]
    Rewritten(i64, i64),
    /// What was there once is there no more.
    #[error("the log ends at row {0}, but the kept checkpoint seals rows up to {1}: its end was removed")]
    Tail(i64, i64),
    /// A checkpoint that was kept is not in the log.
    #[error("the log has another history than the kept checkpoint at row {0}: it was rewritten and signed anew")]
    OtherHistory(i64),
    /// A checkpoint that was kept is gone although it is younger than what was removed because it was old.
    #[error(
        "the kept checkpoint at row {0} is gone with entries that were removed as old, and is younger than those: it was \
         removed"
    )]
    KeptRemoved(i64),
    /// Entries were removed before they were old.
    #[error(
        "entries up to row {through} were removed because they were old, but they were only {age} s old: the log is kept \
         for {}", retention.map_or("ever".to_owned(), |retention| format!("{retention} s"))
    )]
    RemovedEarly {
        through: i64,
        /// How old the youngest was, in seconds.
        age: i64,
        /// How old it had to be, as the log signed; none if nothing was to be removed.
        retention: Option<i64>,
    },
    /// Address and device of a living person are gone.
    #[error("row {0} tells no more from where, although the deletion of its account is not in the log")]
    Erased(RowName),
    /// A pseudonym was given to another account.
    #[error("audit_subjects gives the pseudonym {0} to an account to which it does not belong")]
    OtherPerson(Uuid),
    /// Nobody can tell whose a pseudonym is.
    #[error(
        "the row of the pseudonym {0} was removed from audit_subjects, although the deletion of its account is not in \
         the log"
    )]
    NobodyAnyMore(Uuid),
    /// A person who is there and whom the log does not know.
    #[error(
        "the account {0} is there, but its registration is not in the log: it was written into the database by hand, or \
         was declared deleted, forgotten and put back"
    )]
    Unregistered(AccountId),
    /// The row by which servers take turns is gone.
    #[error("the row of audit_head was removed or given another id; nothing is sealed without it")]
    NoHead,
    /// A checkpoint that no later one vouches for.
    #[error(
        "the checkpoint at row {0} is signed by the key {1}, which is none of those given, and the server that went on \
         from there did not have it either: name its public key with --public-key, or the set with --jwks"
    )]
    Unvouched(i64, String),
    /// No key of those given has signed the newest checkpoint.
    #[error(
        "the newest checkpoint is signed by the key {0}, which is none of those given: name its public key with \
         --public-key, or the set with --jwks"
    )]
    UnknownKey(String),
    /// What was given to compare with cannot be read.
    #[error("what was given with --against is no checkpoint of this log's keys")]
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
