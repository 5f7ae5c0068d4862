//! Runs a statement on a SQLite connection.

use rusqlite::{Connection, params_from_iter};

use super::errors::store_error;
use crate::statement::Query;
use crate::tx_state::TxState;
use crate::{FromRow, Row, StoreError};

pub(crate) fn fetch_within<T: FromRow>(
    connection: &Connection,
    state: &mut TxState,
    query: &Query,
) -> Result<Vec<T>, StoreError> {
    remember(state, || fetch(connection, query))
}

pub(crate) fn execute_within(connection: &Connection, state: &mut TxState, query: &Query) -> Result<u64, StoreError> {
    remember(state, || execute(connection, query))
}

/// Always reads all rows: dropping a statement with RETURNING early would lose its errors.
pub(super) fn fetch<T: FromRow>(connection: &Connection, query: &Query) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(query.sql.sqlite()).map_err(store_error)?;
    let columns = query
        .sql
        .columns(|| statement.column_names().map(str::to_owned).collect());
    let mut rows = statement.query(params_from_iter(&query.values)).map_err(store_error)?;
    let mut read = Vec::new();
    while let Some(row) = rows.next().map_err(store_error)? {
        read.push(T::from_row(&Row::of_sqlite(row, columns))?);
    }
    Ok(read)
}

pub(super) fn execute(connection: &Connection, query: &Query) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(query.sql.sqlite()).map_err(store_error)?;
    let changed = statement
        .execute(params_from_iter(&query.values))
        .map_err(store_error)?;
    // A usize is at most 64 bits wide.
    Ok(changed as u64)
}

/// Like PostgreSQL, runs nothing more in a transaction after a failed statement.
fn remember<T>(state: &mut TxState, run: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    state.proceed()?;
    let outcome = run();
    if matches!(outcome, Err(StoreError::Unavailable(_) | StoreError::Database(_))) {
        *state = TxState::Failed;
    }
    outcome
}
