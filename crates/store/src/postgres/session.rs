//! Running one statement on a connection of PostgreSQL.

use deadpool_postgres::{Object, StatementCache, Transaction};
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::{answered, errors};
use crate::query::Query;
use crate::transaction::Fate;
use crate::{Error, FromRow, Row};

/// A connection, in a transaction or not, with the statements that are prepared on it.
#[derive(Clone, Copy)]
pub(crate) struct Session<'c> {
    client: &'c Client,
    statements: &'c StatementCache,
}

impl<'c> Session<'c> {
    pub(super) fn of(connection: &'c Object) -> Self {
        Self {
            client: connection,
            statements: &connection.statement_cache,
        }
    }

    pub(super) fn within(transaction: &'c Transaction<'_>) -> Self {
        Self {
            client: transaction.client(),
            statements: &transaction.statement_cache,
        }
    }

    pub(crate) async fn fetch_within<T: FromRow>(self, fate: &mut Fate, query: &Query) -> Result<Vec<T>, Error> {
        let rows = self.run(fate, async {
            let statement = self.statements.prepare(self.client, query.sql.postgres()).await?;
            self.client.query(&statement, &parameters(query)).await
        });
        rows.await?
            .iter()
            .map(|row| T::from_row(&Row::of_postgres(row)))
            .collect()
    }

    pub(crate) async fn execute_within(self, fate: &mut Fate, query: &Query) -> Result<u64, Error> {
        let changed = self.run(fate, async {
            let statement = self.statements.prepare(self.client, query.sql.postgres()).await?;
            self.client.execute(&statement, &parameters(query)).await
        });
        changed.await
    }

    async fn run<T>(
        self,
        fate: &mut Fate,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        fate.proceed()?;
        let outcome = answered(answer).await;
        if let Err(why) = &outcome {
            *fate = errors::fate_after(why);
        }
        outcome
    }
}

fn parameters(query: &Query) -> Vec<&(dyn ToSql + Sync)> {
    query.values.iter().map(|value| value as _).collect()
}
