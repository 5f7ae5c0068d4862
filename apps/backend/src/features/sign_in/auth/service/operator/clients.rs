//! Clients and APIs: what ends grants, and applying the settings file.

use countersign_store::StoreError;

use super::Operator;
use crate::core::caller::Caller;
use crate::features::oauth::apis::{ApiError, Difference, Origin};
use crate::features::oauth::clients::{self, ClientError};
use crate::features::sign_in::sessions::LogoutNotice;

/// Why the clients and APIs of the settings file cannot be registered.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A client cannot be registered.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An API cannot be registered.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// What differed from the settings file.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    pub apis: Vec<Difference>,
    pub clients: Vec<Difference>,
}

impl Operator {
    /// Disables a client and ends its grants. Returns whether it was enabled, and the number of ended grants.
    ///
    /// # Errors
    /// [`ClientError`]. The client may already be disabled then; call it again.
    pub async fn disable_client(&self, client_id: &str) -> Result<(bool, u64), ClientError> {
        let has_changed = self.clients.set_disabled(client_id, true, &self.caller).await?;
        Ok((has_changed, self.end_grants(client_id, &self.caller).await?))
    }

    /// Deletes a client, its grants, and what users have allowed it. Returns the number of ended grants.
    ///
    /// # Errors
    /// [`ClientError`]. The client may already be disabled then; call it again.
    pub async fn delete_client(&self, client_id: &str) -> Result<u64, ClientError> {
        // First, so that no grant begins meanwhile.
        let (_, ended) = self.disable_client(client_id).await?;
        self.clients.delete(client_id, &self.caller).await?;
        Ok(ended)
    }

    /// Registers the APIs and clients of the settings file as they are declared there. Those that are gone are disabled, and
    /// their grants end. With `dry_run`, only returns the differences.
    ///
    /// # Errors
    /// [`ApplyError`]. What was already applied stays applied; call it again.
    pub async fn apply_declared(&self, dry_run: bool, caller: &Caller) -> Result<Differences, ApplyError> {
        let differences = Differences {
            apis: self.apis.apply(dry_run, caller).await?,
            clients: self.clients.apply(dry_run, caller).await?,
        };
        if !dry_run {
            // Of all that are disabled: the process may have stopped before it ended the grants of one.
            let clients = clients::all(&self.auth.platform.db).await.map_err(ClientError::Store)?;
            for client in clients {
                if client.origin == Origin::File && client.disabled_at.is_some() {
                    self.end_grants(&client.client_id, caller)
                        .await
                        .map_err(ClientError::Store)?;
                }
            }
        }
        Ok(differences)
    }

    /// Ends all grants of a client. It is gone, so it is not told.
    async fn end_grants(&self, client_id: &str, caller: &Caller) -> Result<u64, StoreError> {
        let sessions = &self.auth.sessions;
        sessions
            .revoke_grants_of_client(client_id, LogoutNotice::Omit, caller)
            .await
    }
}
