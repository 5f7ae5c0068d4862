//! Queueing notices, in the transaction that ends the grants.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_store::{StoreError, Tx};

use super::receiver::Receiver;
use crate::core::clock::Timestamp;
use crate::features::oauth::backchannel_logout::ended_grant::EndedGrant;
use crate::features::oauth::backchannel_logout::store;

/// How long a notice is worth sending. Nothing about a deleted account is kept for longer.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Queues a notice for each grant whose client wants to be told. It is sent after the commit.
///
/// # Errors
/// If the database failed.
pub async fn queue(tx: &mut Tx<'_>, ended: &[EndedGrant], now: Timestamp) -> Result<(), StoreError> {
    let mut wanted: BTreeMap<&str, bool> = BTreeMap::new();
    for grant in ended {
        let known = wanted.get(&*grant.client_id).copied();
        let is_wanted = match known {
            Some(is_wanted) => is_wanted,
            None => Receiver::find(&mut *tx, &grant.client_id).await?.is_some(),
        };
        wanted.insert(&grant.client_id, is_wanted);
        if is_wanted {
            store::insert(tx, grant, now, now + LIFETIME).await?;
        }
    }
    Ok(())
}
