//! The timeout for responses of the server.

use std::time::Duration;

use tokio::time::timeout;

use super::errors;
use crate::StoreError;

/// The timeout for a response, in case the server cannot even cancel a statement.
pub(super) const SILENCE: Duration = Duration::from_secs(6);

/// Returns the server's response, or an error on timeout.
pub(super) async fn answered<T>(
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, StoreError> {
    match timeout(SILENCE, answer).await {
        Ok(answer) => answer.map_err(|why| errors::store_error(&why)),
        Err(_) => Err(errors::silent()),
    }
}
