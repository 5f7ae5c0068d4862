//! Removes ended sessions and devices in small batches, so that other writers are not blocked. Nothing depends on it: the
//! queries refuse what has ended, whether or not it was removed.

use std::time::Duration;

use countersign_store::StoreError;

use super::Sessions;
use super::store;
use crate::core::cleanup;
use crate::features::identity::devices;

/// The pause when nothing is left to remove.
const REST: Duration = Duration::from_secs(60);

impl Sessions {
    /// Removes ended rows until the process ends.
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

    /// Removes one batch of each kind. Returns the number of rows; the caller repeats it while there are more.
    pub async fn sweep_once(&self) -> Result<u64, StoreError> {
        let now = self.platform.clock.now();
        let sessions = store::remove_ended_sessions(&self.platform.db, now, cleanup::BATCH).await?;
        let devices = devices::remove_ended(&self.platform.db, now, cleanup::BATCH).await?;
        Ok(sessions + devices)
    }
}
