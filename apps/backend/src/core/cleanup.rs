//! Removes obsolete rows in the background, a few at a time with pauses, so that no request waits for it. Each node
//! removes about a thousand rows a second.

use std::time::Duration;

use countersign_store::StoreError;

/// The number of rows per statement.
pub const BATCH: i64 = 25;
/// The pause after each statement.
pub const REST: Duration = Duration::from_millis(25);

/// Calls `remove` for up to [`BATCH`] rows at a time until it finds none.
///
/// # Errors
/// Any error of `remove`; earlier rows stay removed.
pub async fn in_batches<F>(mut remove: impl FnMut(i64) -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<u64, StoreError>>,
{
    while remove(BATCH).await? > 0 {
        tokio::time::sleep(REST).await;
    }
    Ok(())
}

/// Calls `sweep`, which removes a batch of rows and returns their number, until the process ends: again soon while there are
/// rows, otherwise after `rest`. `rows` names them in the log.
pub async fn sweep_forever<F>(rows: &'static str, rest: Duration, mut sweep: impl FnMut() -> F)
where
    F: Future<Output = Result<u64, StoreError>>,
{
    loop {
        let pause = match sweep().await {
            Ok(0) => rest,
            Ok(_) => REST,
            Err(error) => {
                tracing::warn!(%error, "failed to remove {rows}; will retry");
                rest
            }
        };
        tokio::time::sleep(pause).await;
    }
}
