//! The client that a notice is for.

use countersign_jose::SigningAlg;
use countersign_store::{Conn, StoreError};

use crate::features::oauth::clients;

/// A client that wants to be told of sign-outs.
pub(super) struct Receiver {
    /// Its `backchannel_logout_uri`.
    pub(super) url: String,
    /// The algorithm of its ID tokens. Clients expect it of logout tokens too (OpenID Connect Back-Channel Logout 1.0 §2.4).
    pub(super) alg: SigningAlg,
}

impl Receiver {
    /// Returns the client, if it is enabled and has a `backchannel_logout_uri`.
    pub(super) async fn find<'c>(conn: impl Into<Conn<'c>>, client_id: &str) -> Result<Option<Self>, StoreError> {
        let client = clients::may_use(conn, client_id).await?;
        Ok(client.and_then(|client| {
            Some(Self {
                url: client.metadata.backchannel_logout_uri?,
                alg: client.metadata.id_token_signed_response_alg,
            })
        }))
    }
}
