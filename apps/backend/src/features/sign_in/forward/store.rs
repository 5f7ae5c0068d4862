//! The rows of `handoffs`.

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};

use super::secret::{HandoffHash, StateHash};
use crate::core::clock::Timestamp;
use crate::core::ids::SessionId;

row! {
    /// A hand-off that a browser has begun.
    pub(super) struct Handoff {
        pub session_id: SessionId,
        /// The origin of the application.
        pub origin: String,
        /// The hash of the secret in the browser's cookie there.
        pub state_hash: StateHash,
        /// The page to open.
        pub url: String,
        pub expires_at: Timestamp,
    }
}

pub(super) async fn insert(db: &Db, hash: HandoffHash, handoff: &Handoff) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO handoffs (hash, session_id, origin, state_hash, url, expires_at) VALUES ($1, $2, $3, $4, $5, $6)"
    ))
    .bind(hash)
    .bind(handoff.session_id)
    .bind(&*handoff.origin)
    .bind(handoff.state_hash)
    .bind(&*handoff.url)
    .bind(handoff.expires_at)
    .execute(db)
    .await
    .map(drop)
}

/// Returns whether a code exists, so that guesses do not wait for the database's only writer.
pub(super) async fn exists(db: &Db, hash: HandoffHash) -> Result<bool, StoreError> {
    let found: Option<i64> = query(sql!("SELECT expires_at FROM handoffs WHERE hash = $1"))
        .bind(hash)
        .optional(db)
        .await?;
    Ok(found.is_some())
}

/// Removes a code, so that it can be used only once, even if its use fails.
pub(super) async fn take(tx: &mut Tx<'_>, hash: HandoffHash) -> Result<Option<Handoff>, StoreError> {
    query(sql!(
        "DELETE FROM handoffs WHERE hash = $1 RETURNING session_id, origin, state_hash, url, expires_at"
    ))
    .bind(hash)
    .optional(tx)
    .await
}

/// Removes up to `limit` codes that expired before `now`.
pub(super) async fn remove_ended(conn: impl Into<Conn<'_>>, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM handoffs WHERE hash IN (SELECT hash FROM handoffs WHERE expires_at < $1 LIMIT $2)"
    ))
    .bind(now)
    .bind(limit)
    .execute(conn)
    .await
}
