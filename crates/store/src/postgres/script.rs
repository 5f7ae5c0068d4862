//! Scripts of several statements, and the lock of a schema while they run.

use deadpool_postgres::ClientWrapper;

use super::{Postgres, Session, errors};
use crate::Error;
use crate::query::Query;
use crate::transaction::Fate;

impl Postgres {
    /// Waits for the lock of the current schema. It falls when the connection is closed.
    pub(crate) async fn lock_schema(&self, connection: &ClientWrapper) -> Result<(), Error> {
        let lock = format!("SET statement_timeout = 0; SELECT pg_advisory_lock({LOCK}, hashtext(current_schema()))");
        connection.batch_execute(&lock).await.map_err(|why| errors::told(&why))
    }

    /// Runs a whole script, and the statement that records it, as one transaction, for as long as it takes.
    pub(crate) async fn script(
        &self,
        connection: &mut ClientWrapper,
        script: &str,
        record: &Query,
    ) -> Result<(), Error> {
        let transaction = connection.transaction().await.map_err(|why| errors::told(&why))?;
        transaction
            .batch_execute(script)
            .await
            .map_err(|why| errors::told(&why))?;
        Session::within(&transaction)
            .execute_within(&mut Fate::Sound, record)
            .await?;
        transaction.commit().await.map_err(|why| errors::told(&why))
    }
}

/// Ours among the advisory locks of a database: "ctsg".
const LOCK: i32 = 0x6374_7367;
