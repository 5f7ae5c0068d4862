//! The tokens that a client gets for itself (RFC 6749 §4.4). They have no session: all tokens of a client share one
//! bit, which revokes them together.

use std::time::Duration;

use countersign_store::StoreError;

use super::Clients;
use crate::core::caller::Caller;
use crate::features::oauth::clients::client::Client;
use crate::features::oauth::clients::store;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::revocation::{Bit, Reach, RevokingTx};

/// The longest lifetime of an access token of a client: the lists of their bits are kept as long.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

impl Clients {
    /// Returns the bit for a token that a client gets for itself, which is valid for a day at most. The client gets one
    /// with its first token, and another one after its tokens were revoked or the database was restored. Do not call it
    /// in a transaction.
    ///
    /// # Errors
    /// If the database failed. `None`: the client was disabled or deleted.
    pub async fn machine_bit(&self, client: &Client) -> Result<Option<Bit>, StoreError> {
        let until = self.now() + LONGEST_LIFE;
        if let Some(bit) = client.machine_bit
            && self.revocations.keep(bit, until).await?
        {
            return Ok(Some(bit));
        }
        let (seen, bit) = (
            client.machine_bit,
            self.revocations.allocate_for(Reach::AccessToken).await?,
        );
        self.platform
            .db
            .transact(|tx| Box::pin(async move { store::set_bit(tx, &client.client_id, seen, bit).await }))
            .await
    }

    /// Revokes all tokens that a client has got for itself. Those that it gets from now on are valid.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn revoke_machine_tokens(&self, client_id: &str, caller: &Caller) -> Result<(), StoreError> {
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let Some(client) = store::find(&mut **tx, client_id).await? else {
                        return Ok(());
                    };
                    if self.revoke_bit(tx, &client).await? {
                        let event = Event::new(EventKind::MachineTokensRevoked, None, caller).detail(client_id);
                        self.audit.record(tx, event).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            })
            .await
    }

    /// Revokes the bit of a client, and takes it away. Returns whether there was one.
    pub(super) async fn revoke_bit(
        &self,
        tx: &mut RevokingTx<'_, '_, '_>,
        client: &Client,
    ) -> Result<bool, StoreError> {
        let Some(bit) = client.machine_bit else {
            return Ok(false);
        };
        tx.revoke(vec![bit], self.now()).await?;
        store::clear_bit(tx, &client.client_id).await?;
        Ok(true)
    }
}
