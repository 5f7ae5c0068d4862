//! Removing expired cookies.

use std::time::Duration;

use super::BrowserSessions;
use crate::features::sign_in::browser_sessions::store;

/// How often expired cookies are removed, and how many per statement.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
const BATCH: i64 = 500;

impl BrowserSessions {
    /// Removes expired cookies until the process ends. Nothing depends on it.
    pub async fn sweep_forever(self) {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            match store::remove_ended(&self.platform.db, self.platform.clock.now(), BATCH).await {
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "failed to remove expired browser sessions; will retry"),
            }
        }
    }
}
