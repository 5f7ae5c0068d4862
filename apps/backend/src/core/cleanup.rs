//! How rows that nobody needs any more are removed beside requests: a few at a time, with rests, so that no request waits for
//! it. About a thousand go each second, on each node; the share of the time that is left to requests matters more.

use std::time::Duration;

use countersign_store::StoreError;

/// How many rows go in one statement.
pub const BATCH: i64 = 25;
/// The rest after each.
pub const REST: Duration = Duration::from_millis(25);

/// Lets `remove` take up to [`BATCH`] rows at a time until it finds none.
///
/// # Errors
/// That of `remove`; what was removed before stays removed.
pub async fn in_batches<F>(mut remove: impl FnMut(i64) -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<u64, StoreError>>,
{
    while remove(BATCH).await? > 0 {
        tokio::time::sleep(REST).await;
    }
    Ok(())
}
