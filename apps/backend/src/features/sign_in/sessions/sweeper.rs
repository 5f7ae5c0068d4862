//! Removes ended sessions and devices in small batches, so that other writers are not blocked. Nothing depends on it: the
//! queries refuse what has ended, whether or not it was removed. Also ends the grants of disabled clients.

use std::time::Duration;

use countersign_store::StoreError;

use super::{LogoutNotice, Sessions, store};
use crate::core::caller::Caller;
use crate::core::cleanup;
use crate::features::identity::devices;
use crate::features::oauth::clients;

/// The pause when nothing is left to remove.
const REST: Duration = Duration::from_secs(60);

impl Sessions {
    /// Removes ended rows until the process ends.
    pub async fn sweep_forever(self) {
        cleanup::sweep_forever("ended sessions", REST, || self.sweep_once()).await;
    }

    /// Removes or ends one batch of each kind. Returns the number of rows; the caller repeats it while there are more.
    pub async fn sweep_once(&self) -> Result<u64, StoreError> {
        let now = self.platform.clock.now();
        let sessions = store::remove_ended_sessions(&self.platform.db, now, cleanup::BATCH).await?;
        let devices = devices::remove_ended(&self.platform.db, now, cleanup::BATCH).await?;
        let grants = self.end_grants_of_disabled_clients().await?;
        Ok(sessions + devices + grants)
    }

    /// Ends a batch of grants of each disabled client. Disabling a client does the same; this finds what was left when
    /// they were interrupted. Nothing depends on it: the grants of a disabled client are refused, but guards see only bits.
    async fn end_grants_of_disabled_clients(&self) -> Result<u64, StoreError> {
        let clients = clients::all(&self.platform.db).await?;
        let mut ended = 0;
        for client in clients.iter().filter(|client| client.disabled_at.is_some()) {
            let caller = Caller::server();
            ended += self
                .revoke_some_of_client(&client.client_id, LogoutNotice::Omit, &caller)
                .await?;
        }
        Ok(ended)
    }
}
