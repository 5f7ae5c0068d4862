//! The client that a notice is for.

use countersign_store::{Conn, StoreError};

use crate::features::oauth::clients;

/// A client that wants to be told of sign-outs.
pub(super) struct Receiver;

impl Receiver {
    /// Returns the client, if it is enabled and has a `backchannel_logout_uri`.
    pub(super) async fn find<'c>(conn: impl Into<Conn<'c>>, client_id: &str) -> Result<Option<Self>, StoreError> {
        let client = clients::may_use(conn, client_id).await?;
        Ok(client
            .and_then(|client| client.metadata.backchannel_logout_uri)
            .map(|_| Self))
    }
}
