//! Removes requests and codes that ended long ago. Nothing depends on it: every statement checks the expiry itself.

use std::time::Duration;

use countersign_store::StoreError;

use super::Authorization;
use crate::core::cleanup;
use crate::features::oauth::authorization::store::{self, codes};

/// The pause when nothing is left to remove.
const REST: Duration = Duration::from_secs(60);
/// How long an ended request is kept.
const KEEP_REQUESTS: Duration = Duration::from_secs(60 * 60);
/// How long a code is kept, so that its reuse is noticed.
const KEEP_CODES: Duration = Duration::from_secs(10 * 60);

impl Authorization {
    /// Removes ended rows until the process ends.
    pub async fn sweep_forever(self) {
        cleanup::sweep_forever("ended authorization requests", REST, || self.sweep_once()).await;
    }

    /// Removes one batch of each kind. Returns the number of rows; the caller repeats it while there are more.
    pub async fn sweep_once(&self) -> Result<u64, StoreError> {
        let (db, now) = (&self.platform.db, self.platform.clock.now());
        let requests = store::remove_ended(db, now - KEEP_REQUESTS, cleanup::BATCH).await?;
        let codes = codes::remove_ended(db, now - KEEP_CODES, cleanup::BATCH).await?;
        Ok(requests + codes)
    }
}
