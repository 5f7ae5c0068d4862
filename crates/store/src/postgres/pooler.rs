//! Detects a pooler that mixes up the prepared statements of several connections.

use std::hash::{BuildHasher, Hasher, RandomState};

use tokio_postgres::{Client, SimpleQueryMessage, Statement};

use super::answer::answered;
use super::errors;
use crate::StoreError;
use crate::tx_state::TxState;

/// How often two connections must have separate sessions to conclude that there is no pooler.
const ROUNDS_APART: usize = 3;
/// How often to try with a busy pooler until both connections get the same session.
const ROUNDS: usize = 40;

/// Returns whether a pooler gives one session to several connections, so that one finds the prepared statements of another by
/// name. A pooler that supports prepared statements renames them.
///
/// # Errors
/// Any error of the database.
pub(super) async fn mixes_statements_up(one: &Client, other: &Client) -> Result<bool, StoreError> {
    let mut before = None;
    let mut lent = false;
    for round in 0..ROUNDS {
        if round == ROUNDS_APART && !lent {
            return Ok(false);
        }
        let mark = format!(
            "SELECT 'countersign {:016x}'",
            RandomState::new().build_hasher().finish()
        );
        let Some((here, kept)) = prepare(one, &mark).await? else {
            return Ok(true);
        };
        let (there, found) = look(other, &mark).await?;
        drop(kept);
        if found || here == there {
            return Ok(found);
        }
        let now = Some((here, there));
        lent |= before.is_some() && before != now;
        before = now;
    }
    // Sessions are shared, and it is unknown what happens to statements there.
    Ok(true)
}

/// Prepares a statement and returns its session. `None` if another connection's statement has that name there.
async fn prepare(connection: &Client, statement: &str) -> Result<Option<(String, Statement)>, StoreError> {
    let begun = answered(connection.simple_query("BEGIN; SELECT pg_backend_pid()")).await?;
    let prepared = answered_or_mixed_up(connection.prepare(statement)).await?;
    answered(connection.batch_execute("COMMIT")).await?;
    Ok(prepared.map(|prepared| (columns(&begun).next().unwrap_or_default().to_owned(), prepared)))
}

/// Returns the session of this connection, and whether the statement exists there with a name of our driver.
async fn look(connection: &Client, statement: &str) -> Result<(String, bool), StoreError> {
    let statement = statement.replace('\'', "''");
    let rows = answered(connection.simple_query(&format!(
        "SELECT pg_backend_pid(), EXISTS (SELECT 1 FROM pg_prepared_statements
          WHERE statement = '{statement}' AND name ~ '^s[0-9]+$')"
    )))
    .await?;
    let mut columns = columns(&rows);
    let session = columns.next().unwrap_or_default().to_owned();
    Ok((session, columns.next() == Some("t")))
}

/// Returns the columns of the only row of a response.
fn columns(answer: &[SimpleQueryMessage]) -> impl Iterator<Item = &str> {
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    row.into_iter()
        .flat_map(|row| (0..row.len()).filter_map(|column| row.get(column)))
}

async fn answered_or_mixed_up(
    answer: impl Future<Output = Result<Statement, tokio_postgres::Error>>,
) -> Result<Option<Statement>, StoreError> {
    let answer = async {
        match answer.await {
            Err(why) if errors::state_after(&why) == TxState::MixedUp => Ok(None),
            answer => answer.map(Some),
        }
    };
    answered(answer).await
}
