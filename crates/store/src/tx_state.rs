//! What became of a transaction.

use crate::StoreError;

/// What a transaction has come to. PostgreSQL answers a COMMIT of a failed transaction with a quiet rollback,
/// so we remember by ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TxState {
    /// It can commit.
    Sound,
    /// It lost against another transaction, and may be run again.
    Conflicted,
    /// A statement that was prepared before is not known any more, and it may be run again without.
    Stale,
    /// A pooler's session knows another statement by that name, and it may be run again without.
    MixedUp,
    /// A statement failed.
    Failed,
    /// The server has not answered, or is one that takes no writes; the connection is of no further use.
    Lost,
}

impl TxState {
    /// It failed because of a statement that was prepared before; nothing was run.
    pub(crate) fn is_of_statements(self) -> bool {
        matches!(self, Self::Stale | Self::MixedUp)
    }

    pub(crate) fn proceed(self) -> Result<(), StoreError> {
        match self {
            Self::Sound => Ok(()),
            Self::Conflicted => Err(StoreError::Conflict),
            Self::Stale | Self::MixedUp | Self::Failed | Self::Lost => Err(StoreError::database(
                "an earlier statement of this transaction failed, but its error was ignored",
            )),
        }
    }
}
