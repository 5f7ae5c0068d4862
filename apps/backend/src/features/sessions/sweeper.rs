//! Removes what has ended, in small batches, so that nobody waits for it. Nothing relies on it: what has ended is
//! refused by the statements that look, swept or not.

use std::time::Duration;

use countersign_store::StoreError;

use super::Sessions;
use super::store;
use crate::core::cleanup;
use crate::features::devices;

/// How long it rests after everything was swept.
const REST: Duration = Duration::from_secs(60);

impl Sessions {
    /// Sweeps until the process ends.
    pub async fn sweep_forever(self) {
        loop {
            match self.sweep_once().await {
                Ok(0) => tokio::time::sleep(REST).await,
                Ok(_) => tokio::time::sleep(cleanup::REST).await,
                Err(error) => {
                    tracing::warn!(%error, "failed to remove ended sessions; will retry");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    /// One batch of each kind. Gives the number of rows, so that the caller comes back while there are more.
    pub async fn sweep_once(&self) -> Result<u64, StoreError> {
        let now = self.platform.clock.now();
        let sessions = store::remove_ended_sessions(&self.platform.db, now, cleanup::BATCH).await?;
        let devices = devices::remove_ended(&self.platform.db, now, cleanup::BATCH).await?;
        Ok(sessions + devices)
    }
}
