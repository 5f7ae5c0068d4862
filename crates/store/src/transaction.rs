//! The inside of a transaction.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;

use crate::StoreError;
use crate::postgres::Session;
use crate::tx_state::TxState;

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
