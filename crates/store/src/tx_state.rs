//! The outcome of a transaction's statements.

use crate::StoreError;

/// The state of a transaction. PostgreSQL answers the COMMIT of a failed transaction with a silent rollback, so the
/// state is tracked here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TxState {
    /// It can commit.
    Sound,
    /// It conflicted with another transaction and may be retried.
    Conflicted,
    /// A prepared statement is no longer known; it may be retried unprepared.
    Stale,
    /// A pooler's session has another statement with that name; it may be retried unprepared.
    MixedUp,
    /// A statement failed.
    Failed,
    /// The server did not answer; the connection is unusable.
    Lost,
    /// The session does not accept writes, and neither may others that began at the same time.
    ReadOnly,
    /// The server has ended the session; the connection closes.
    Ended,
}

impl TxState {
    /// Returns whether it failed because of a prepared statement, in which case nothing was run.
    pub(crate) fn is_of_statements(self) -> bool {
        matches!(self, Self::Stale | Self::MixedUp)
    }

    /// Its connection is of no further use.
    pub(crate) fn is_of_connection(self) -> bool {
        matches!(self, Self::Lost | Self::ReadOnly | Self::Ended)
    }

    pub(crate) fn proceed(self) -> Result<(), StoreError> {
        match self {
            Self::Sound => Ok(()),
            Self::Conflicted => Err(StoreError::Conflict),
            Self::Stale | Self::MixedUp | Self::Failed | Self::Lost | Self::ReadOnly | Self::Ended => Err(
                StoreError::database("an earlier statement of this transaction failed, but its error was ignored"),
            ),
        }
    }
}
