//! Scripts of several statements, and the schema lock while they run.

use deadpool_postgres::{ClientWrapper, Transaction};

use super::{Postgres, Session, errors};
use crate::statement::Query;
use crate::tx_state::TxState;
use crate::{FromRow, StoreError};

/// A transaction that holds the lock of the current schema. The lock belongs to the transaction, not the session, because behind
/// a pooler the next transaction may have another session. Dropping it rolls back.
pub(crate) struct SchemaLock<'c>(Transaction<'c>);

impl Postgres {
    /// Waits for the lock of the current schema without a timeout, for the following statements too.
    pub(crate) async fn lock_schema<'c>(
        &self,
        connection: &'c mut ClientWrapper,
    ) -> Result<SchemaLock<'c>, StoreError> {
        let lock = format!(
            "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({LOCK}, hashtext(current_schema()))"
        );
        let transaction = connection
            .transaction()
            .await
            .map_err(|why| errors::store_error(&why))?;
        transaction
            .batch_execute(&lock)
            .await
            .map_err(|why| errors::store_error(&why))?;
        Ok(SchemaLock(transaction))
    }
}

impl SchemaLock<'_> {
    pub(crate) async fn fetch<T: FromRow>(&self, query: &Query) -> Result<Vec<T>, StoreError> {
        Session::within(&self.0, false)
            .fetch_within(&mut TxState::Sound, query)
            .await
    }

    pub(crate) async fn execute(&self, query: &Query) -> Result<(), StoreError> {
        let session = Session::within(&self.0, false);
        session.execute_within(&mut TxState::Sound, query).await.map(drop)
    }

    /// Runs a whole script without a timeout.
    pub(crate) async fn script(&self, script: &str) -> Result<(), StoreError> {
        self.0
            .batch_execute(script)
            .await
            .map_err(|why| errors::store_error(&why))
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.0.commit().await.map_err(|why| errors::store_error(&why))
    }
}

/// The id of our advisory lock: "ctsg".
const LOCK: i32 = 0x6374_7367;
