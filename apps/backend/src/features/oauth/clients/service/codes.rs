//! The codes that were issued to a client and are not redeemed yet: authorization codes, and the device codes that users have
//! allowed. Each has the epoch that its client had then, which is compared in the transaction that redeems it.

use super::{ClientError, Clients};
use crate::core::caller::Caller;
use crate::core::ids::uuid_v7;
use crate::features::oauth::clients::store;
use crate::features::operations::audit::{Event, EventKind};

impl Clients {
    /// Voids a client's codes for all users. The caller ends its grants afterwards: a code that is being redeemed becomes
    /// a grant before, or none.
    ///
    /// # Errors
    /// [`ClientError::Unknown`], or if the database failed.
    pub async fn void_codes(&self, client_id: &str, caller: &Caller) -> Result<(), ClientError> {
        let epoch = uuid_v7(self.now(), self.platform.random);
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    if !store::set_epoch(tx, client_id, epoch).await? {
                        return Err(ClientError::Unknown(client_id.to_owned()));
                    }
                    let event = Event::new(EventKind::ClientCodesVoided, None, caller).detail(client_id);
                    Ok(self.audit.record(tx, event).await?)
                })
            })
            .await
    }
}
