//! Finding a client by its id.

use crate::Services;
use crate::commands::Failure;
use crate::features::oauth::clients::{self, Client};

/// Finds a client, even if it is disabled.
pub(super) async fn client(services: &Services, client_id: &str) -> Result<Client, Failure> {
    let found = clients::find(&services.db, client_id).await?;
    found.ok_or_else(|| {
        Failure::not_found(format!(
            "unknown client {client_id}; `countersign clients list` lists all clients"
        ))
    })
}
