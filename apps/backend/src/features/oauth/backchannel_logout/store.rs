//! The rows of `logout_notices`.

use countersign_store::{StoreError, Tx, query, sql};

use super::ended_grant::EndedGrant;
use crate::core::clock::Timestamp;

/// Queues a notice. A grant ends once, so it has one at most.
pub(super) async fn insert(
    tx: &mut Tx<'_>,
    grant: &EndedGrant,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO logout_notices (sid, client_id, sub, created_at, due_at, expires_at, attempts)
         VALUES ($1, $2, $3, $4, $4, $5, 0)
         ON CONFLICT (sid) DO NOTHING"
    ))
    .bind(grant.sid)
    .bind(&*grant.client_id)
    .bind(grant.sub)
    .bind(now)
    .bind(expires_at)
    .execute(tx)
    .await
    .map(drop)
}
