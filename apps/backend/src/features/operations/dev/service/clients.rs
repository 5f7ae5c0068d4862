//! Registering clients and APIs, with the members of `[[clients]]` and `[[apis]]` in a settings file.

use countersign_oauth::ApiMetadata;
use serde_json::{Map, Value};

use super::Dev;
use crate::features::oauth::apis::{self, Api, ApiError};
use crate::features::oauth::clients::{self, ClientError, Made, NewClient};
use crate::settings::client_metadata;

/// A client to be registered.
pub(crate) struct WantedClient {
    pub(crate) client_id: String,
    /// Whether it has no secret.
    pub(crate) public: bool,
    pub(crate) trusted: bool,
    /// Its metadata.
    pub(crate) members: Map<String, Value>,
}

impl Dev {
    /// Registers a client. It replaces one with the same id, whose grants end.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(in crate::features::operations::dev) async fn register_client(
        &self,
        wanted: WantedClient,
    ) -> Result<Made, ClientError> {
        let clients = &self.operator.clients;
        let new = NewClient {
            metadata: client_metadata(wanted.members, !wanted.public, &clients.policy())?,
            client_id: wanted.client_id,
            trusted: wanted.trusted,
        };
        // First, so that a registration that is refused leaves the previous one as it is.
        clients.check(&new).await?;
        if clients::find(&self.platform.db, &new.client_id).await?.is_some() {
            self.operator.delete_client(&new.client_id).await?;
        }
        clients.create(&new, &self.operator.caller).await
    }

    /// Registers an API, or replaces the registration of one with the same identifier.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(in crate::features::operations::dev) async fn register_api(
        &self,
        metadata: &ApiMetadata,
    ) -> Result<Api, ApiError> {
        let (registry, caller) = (&self.operator.apis, &self.operator.caller);
        match apis::find(&self.platform.db, &metadata.identifier).await? {
            Some(_) => {
                let replace = |own: &mut ApiMetadata| own.clone_from(metadata);
                registry.update(&metadata.identifier, replace, caller).await
            }
            None => registry.create(metadata, caller).await,
        }
    }
}
