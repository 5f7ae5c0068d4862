//! The inside of a transaction, and what became of it.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;

use crate::StoreError;
use crate::postgres::Session;

/// What the closure given to [`Db::transact`](crate::Db::transact) returns: `Box::pin(async move { … })`.
pub type Work<'c, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>;

/// An open transaction. It ends with the closure that was given it: an `Ok` commits, anything else rolls back.
///
/// When a statement has failed, nothing more can be done inside, on either database, and an `Ok` does not commit.
pub struct Tx<'t> {
    pub(crate) session: TxSession<'t>,
    pub(crate) state: TxState,
}

/// The [`Tx`] that [`Db::transact`](crate::Db::transact) hands to its closure; it is used as one.
///
/// The future that the closure returns borrows the transaction and whatever the closure has captured. `'env` is how long the
/// captured values live. A `&'t &'env ()` exists only where that is longer than the transaction (`'env: 't`); a bound on the
/// closure could not say so, because its `'t` is for every lifetime. `std::thread::scope` does the same.
pub struct Scoped<'t, 'env> {
    tx: Tx<'t>,
    env: PhantomData<&'t &'env ()>,
}

pub(crate) enum TxSession<'t> {
    // A shared reference would not be `Send`.
    Sqlite(&'t mut rusqlite::Connection),
    Postgres(Session<'t>),
}

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

impl<'t> Tx<'t> {
    pub(crate) fn new(session: TxSession<'t>) -> Self {
        Self {
            session,
            state: TxState::Sound,
        }
    }

    /// Wakes every [`Listener`](crate::Listener) of this channel, once the transaction has committed. SQLite has one
    /// server, and nobody to wake.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn notify(&mut self, channel: &'static str) -> Result<(), StoreError> {
        match &self.session {
            TxSession::Sqlite(_) => self.state.proceed(),
            TxSession::Postgres(session) => session.notify_within(&mut self.state, channel).await,
        }
    }
}

impl<'t> Scoped<'t, '_> {
    pub(crate) fn new(session: TxSession<'t>) -> Self {
        Self {
            tx: Tx::new(session),
            env: PhantomData,
        }
    }
}

impl<'t> Deref for Scoped<'t, '_> {
    type Target = Tx<'t>;

    fn deref(&self) -> &Tx<'t> {
        &self.tx
    }
}

impl<'t> DerefMut for Scoped<'t, '_> {
    fn deref_mut(&mut self) -> &mut Tx<'t> {
        &mut self.tx
    }
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
                "an earlier statement of this transaction failed, and its error was dropped",
            )),
        }
    }
}
