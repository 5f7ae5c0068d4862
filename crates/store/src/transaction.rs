//! An open transaction.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;

use crate::StoreError;
use crate::postgres::Session;
use crate::tx_state::TxState;

/// The return type of the closure for [`Db::transact`](crate::Db::transact): `Box::pin(async move { … })`.
pub type Work<'c, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>;

/// An open transaction. It ends with its closure: an `Ok` commits, anything else rolls back.
///
/// After a failed statement, no other can run, on either database, and an `Ok` does not commit.
pub struct Tx<'t> {
    pub(crate) session: TxSession<'t>,
    pub(crate) state: TxState,
}

/// The [`Tx`] that [`Db::transact`](crate::Db::transact) passes to its closure.
///
/// The closure's future borrows the transaction and what the closure captures. `'env` is the lifetime of the captured values.
/// A `&'t &'env ()` exists only if they outlive the transaction (`'env: 't`); a bound on the closure cannot express that,
/// because its `'t` is for every lifetime. `std::thread::scope` does the same.
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

    /// Wakes every [`Listener`](crate::Listener) of this channel once the transaction has committed. Does nothing on SQLite,
    /// which has one server.
    ///
    /// # Errors
    /// Any error of the database.
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
