//! How long an answer of the server is waited for.

use std::time::Duration;

use tokio::time::timeout;

use super::errors;
use crate::StoreError;

/// How long we wait for an answer, for when the server cannot even break off.
pub(super) const SILENCE: Duration = Duration::from_secs(6);

/// An answer of the server, or the error that its silence is.
pub(super) async fn answered<T>(
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, StoreError> {
    match timeout(SILENCE, answer).await {
        Ok(answer) => answer.map_err(|why| errors::store_error(&why)),
        Err(_) => Err(errors::silent()),
    }
}
