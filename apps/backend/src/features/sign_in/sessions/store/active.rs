//! Opening, finding and changing sessions.

use countersign_store::{Conn, Db, StoreError, Tx, query, sql};

use super::session::{Session, columns, is_active};
use super::tokens::NewFamily;
use crate::core::clock::Timestamp;
use crate::core::first_party::is_first_party;
use crate::core::ids::SessionId;
use crate::core::versions::SessionEpoch;

pub(in super::super) async fn insert_session(
    tx: &mut Tx<'_>,
    session: &Session,
    address_prefix: Option<String>,
    family: Option<NewFamily>,
) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO sessions
            (id, account_id, epoch, client_id, parent_id, bound, auth_time, grant_type, resources, claims, amr, scope,
             user_agent, address, address_prefix, created_at, last_seen_at, expires_at, status_list, status_idx,
             family_hash, refresh_hash, refresh_expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17, $18, $19, $20, $21, $22)"
    ))
    .bind(session.id)
    .bind(session.account_id)
    .bind(session.epoch)
    .bind(&*session.client_id)
    .bind(session.parent_id)
    .bind(session.bound)
    .bind(session.auth_time)
    .bind(session.grant_type.clone())
    .bind(session.resources.clone())
    .bind(session.claims.clone())
    .bind(&*session.amr)
    .bind(&*session.scope)
    .bind(session.user_agent.clone())
    .bind(session.address.clone())
    .bind(address_prefix)
    .bind(session.created_at)
    .bind(session.expires_at)
    .bind(session.status_list)
    .bind(session.status_idx)
    .bind(family.as_ref().map(|family| family.family_hash))
    .bind(family.as_ref().map(|family| family.refresh_hash))
    .bind(family.as_ref().map(|family| family.refresh_expires_at))
    .execute(tx)
    .await
    .map(drop)
}

/// Returns an active session.
pub(in super::super) async fn find_active<'c>(
    conn: impl Into<Conn<'c>>,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    query(sql!(concat!(
        "SELECT ",
        columns!(),
        "
           FROM sessions
          WHERE id = $1 AND ",
        is_active!("$2")
    )))
    .bind(id)
    .bind(now)
    .optional(conn)
    .await
}

/// Locks an active session until the transaction ends, by updating `last_seen_at`.
pub(in super::super) async fn lock_active(
    tx: &mut Tx<'_>,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET last_seen_at = $2
          WHERE id = $1 AND ",
        is_active!("$2"),
        "
      RETURNING ",
        columns!()
    )))
    .bind(id)
    .bind(now)
    .optional(tx)
    .await
}

/// Records that the user of an active first-party session was authenticated again.
pub(in super::super) async fn renew(
    tx: &mut Tx<'_>,
    id: SessionId,
    amr: &str,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET auth_time = $2, amr = $3, last_seen_at = $2
          WHERE id = $1 AND ",
        is_first_party!(),
        " AND ",
        is_active!("$2"),
        "
      RETURNING ",
        columns!()
    )))
    .bind(id)
    .bind(now)
    .bind(amr)
    .optional(tx)
    .await
}

/// Records that a session was used.
pub(in super::super) async fn saw(db: &Db, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2"
    ))
    .bind(id)
    .bind(now)
    .execute(db)
    .await
    .map(drop)
}

/// Moves the grants that are bound to a session to a newer one of the same account.
pub(in super::super) async fn move_bound(tx: &mut Tx<'_>, from: SessionId, to: &Session) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE sessions
            SET parent_id = $2, expires_at = CASE WHEN expires_at < $4 THEN expires_at ELSE $4 END
          WHERE parent_id = $1 AND bound AND revoked_at IS NULL AND account_id = $3"
    ))
    .bind(from)
    .bind(to.id)
    .bind(to.account_id)
    .bind(to.expires_at)
    .execute(tx)
    .await
    .map(drop)
}

/// Moves a session from the previous epoch into the new one of its account.
pub(in super::super) async fn set_epoch(tx: &mut Tx<'_>, id: SessionId, epoch: SessionEpoch) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE sessions SET epoch = $2 WHERE id = $1 AND epoch = $2 - 1 AND revoked_at IS NULL"
    ))
    .bind(id)
    .bind(epoch)
    .execute(tx)
    .await
    .map(drop)
}
