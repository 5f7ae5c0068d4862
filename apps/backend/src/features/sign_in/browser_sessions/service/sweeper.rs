//! Removes expired cookies in small batches, so that requests do not wait. Nothing depends on it: the queries refuse an expired
//! cookie, whether or not it was removed.

use std::time::Duration;

use countersign_store::StoreError;

use super::BrowserSessions;
use crate::core::cleanup;
use crate::features::sign_in::browser_sessions::store;

/// The pause when nothing is left to remove.
const REST: Duration = Duration::from_secs(60);

impl BrowserSessions {
    /// Removes expired cookies until the process ends.
    pub async fn sweep_forever(self) {
        cleanup::sweep_forever("expired browser sessions", REST, || self.sweep_once()).await;
    }

    /// Removes one batch. Returns the number of rows; the caller repeats it while there are more.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn sweep_once(&self) -> Result<u64, StoreError> {
        store::remove_ended(&self.platform.db, self.platform.clock.now(), cleanup::BATCH).await
    }
}
