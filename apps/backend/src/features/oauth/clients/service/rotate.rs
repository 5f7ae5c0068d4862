//! Replacing a client's secret.

use std::time::Duration;

use super::register::of_operator;
use super::{ClientError, Clients};
use crate::core::caller::Caller;
use crate::features::oauth::clients::secret::ClientSecret;
use crate::features::oauth::clients::store;
use crate::features::operations::audit::{Event, EventKind};

impl Clients {
    /// Gives a client a new secret. The present one is valid for `grace`, and those before it no longer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rotate_secret(
        &self,
        client_id: &str,
        grace: Duration,
        caller: &Caller,
    ) -> Result<ClientSecret, ClientError> {
        let secret = ClientSecret::generate(self.platform.random);
        let (hash, now) = (secret.hash(), self.now());
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let client = of_operator(tx, client_id).await?;
                    if client.is_public() {
                        return Err(ClientError::Public(client_id.to_owned()));
                    }
                    let present = store::secrets(&mut *tx, client_id, now).await?;
                    let newest = present.last().map(|stored| stored.id);
                    store::delete_secrets(tx, client_id, newest.unwrap_or_default()).await?;
                    if let Some(newest) = newest {
                        store::expire_secret(tx, newest, now + grace).await?;
                    }
                    self.insert_secret(tx, client_id, hash).await?;
                    let event = Event::new(EventKind::ClientSecretRotated, None, caller).detail(client_id);
                    Ok(self.audit.record(tx, event).await?)
                })
            })
            .await?;
        Ok(secret)
    }
}
