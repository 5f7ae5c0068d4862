//! Where a statement can run: on the database itself, or in an open transaction.

use crate::postgres::Session;
use crate::transaction::TxSession;
use crate::tx_state::TxState;
use crate::{Db, Scoped, Tx};

/// A `&Db` (a single statement) or a `&mut Tx`.
pub struct Conn<'c>(pub(crate) Target<'c>);

pub(crate) enum Target<'c> {
    Db(&'c Db),
    Sqlite(&'c mut rusqlite::Connection, &'c mut TxState),
    Postgres(Session<'c>, &'c mut TxState),
}

impl<'c> From<&'c Db> for Conn<'c> {
    fn from(db: &'c Db) -> Self {
        Self(Target::Db(db))
    }
}

impl<'c> From<&'c mut Tx<'_>> for Conn<'c> {
    fn from(tx: &'c mut Tx<'_>) -> Self {
        Self(match &mut tx.session {
            TxSession::Sqlite(connection) => Target::Sqlite(connection, &mut tx.state),
            TxSession::Postgres(session) => Target::Postgres(*session, &mut tx.state),
        })
    }
}

impl<'c> From<&'c mut &mut Tx<'_>> for Conn<'c> {
    fn from(tx: &'c mut &mut Tx<'_>) -> Self {
        Self::from(&mut **tx)
    }
}

impl<'c> From<&'c mut Scoped<'_, '_>> for Conn<'c> {
    fn from(tx: &'c mut Scoped<'_, '_>) -> Self {
        Self::from(&mut **tx)
    }
}
