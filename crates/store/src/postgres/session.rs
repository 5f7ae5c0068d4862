//! Runs one statement on a PostgreSQL connection.

use deadpool_postgres::{ClientWrapper, StatementCache, Transaction};
use tokio::time::timeout;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::answer::SILENCE;
use super::errors;
use crate::statement::Query;
use crate::tx_state::TxState;
use crate::{FromRow, Row, StoreError};

/// A connection, in a transaction or not, and the statements prepared on it.
#[derive(Clone, Copy)]
pub(crate) struct Session<'c> {
    client: &'c Client,
    /// `None` if statements are not to be prepared.
    statements: Option<&'c StatementCache>,
}

impl<'c> Session<'c> {
    pub(super) fn of(connection: &'c ClientWrapper, prepared: bool) -> Self {
        Self {
            client: connection,
            statements: prepared.then_some(&connection.statement_cache),
        }
    }

    pub(super) fn within(transaction: &'c Transaction<'_>, prepared: bool) -> Self {
        Self {
            client: transaction.client(),
            statements: prepared.then_some(&transaction.statement_cache),
        }
    }

    pub(crate) async fn fetch_within<T: FromRow>(
        self,
        state: &mut TxState,
        query: &Query,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.run(state, async {
            let text = query.sql.postgres();
            match self.statements {
                Some(statements) => {
                    let statement = statements.prepare(self.client, text).await?;
                    self.client.query(&statement, &parameters(query)).await
                }
                None => self.client.query_typed(text, &typed(query)).await,
            }
        });
        rows.await?
            .iter()
            .map(|row| T::from_row(&Row::of_postgres(row)))
            .collect()
    }

    pub(crate) async fn execute_within(self, state: &mut TxState, query: &Query) -> Result<u64, StoreError> {
        let changed = self.run(state, async {
            let text = query.sql.postgres();
            match self.statements {
                Some(statements) => {
                    let statement = statements.prepare(self.client, text).await?;
                    self.client.execute(&statement, &parameters(query)).await
                }
                None => self.client.execute_typed(text, &typed(query)).await,
            }
        });
        changed.await
    }

    pub(crate) async fn notify_within(self, state: &mut TxState, channel: &str) -> Result<(), StoreError> {
        self.run(state, self.client.batch_execute(&format!("NOTIFY {channel}")))
            .await
    }

    async fn run<T>(
        self,
        state: &mut TxState,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        state.proceed()?;
        match timeout(SILENCE, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) => {
                *state = match errors::state_after(&why) {
                    // An unprepared statement cannot be stale.
                    state if state.is_of_statements() && self.statements.is_none() => TxState::Failed,
                    state => state,
                };
                Err(errors::store_error(&why))
            }
            Err(_) => {
                *state = TxState::Lost;
                Err(errors::silent())
            }
        }
    }
}

/// The parameters with their types, for a statement that is not prepared.
fn typed(query: &Query) -> Vec<(&(dyn ToSql + Sync), Type)> {
    match &query.ids {
        Some(ids) => vec![(ids, Type::UUID_ARRAY)],
        None => query.values.iter().map(|value| (value as _, value.kind())).collect(),
    }
}

fn parameters(query: &Query) -> Vec<&(dyn ToSql + Sync)> {
    match &query.ids {
        Some(ids) => vec![ids],
        None => query.values.iter().map(|value| value as _).collect(),
    }
}
