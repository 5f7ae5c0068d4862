//! The rows of `logout_notices`.

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};

use super::ended_grant::EndedGrant;
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, SessionId};

row! {
    /// A client with notices that are due.
    pub(super) struct Due {
        pub client_id: String,
    }
}

row! {
    /// A claimed notice.
    #[derive(Clone, Debug)]
    pub(super) struct Claimed {
        pub sid: SessionId,
        pub client_id: String,
        pub sub: AccountId,
        pub expires_at: Timestamp,
        /// The number of the attempt, starting at 1.
        pub attempts: i64,
    }
}

row! {
    /// The notices of a client that were given up.
    #[derive(Clone, Debug)]
    pub struct FailedNotices {
        pub client_id: String,
        pub count: i64,
        /// Why the last attempt of one of them failed.
        pub failure: Option<String>,
    }
}

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

/// Returns up to `limit` clients with notices that are due.
pub(super) async fn due_clients(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<Due>, StoreError> {
    query(sql!(
        "SELECT DISTINCT client_id FROM logout_notices WHERE given_up_at IS NULL AND due_at <= $1 LIMIT $2"
    ))
    .bind(now)
    .bind(limit)
    .all(db)
    .await
}

/// Defers up to `limit` due notices of a client to `until`. Of several nodes, one changes a row first, and the others find
/// that it is no longer due.
pub(super) async fn claim(
    db: &Db,
    client_id: &str,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Claimed>, StoreError> {
    query(sql!(
        "UPDATE logout_notices
            SET due_at = $3, attempts = attempts + 1
          WHERE sid IN (SELECT sid FROM logout_notices
                         WHERE client_id = $1 AND given_up_at IS NULL AND due_at <= $2
                         ORDER BY due_at
                         LIMIT $4)
            AND given_up_at IS NULL AND due_at <= $2
      RETURNING sid, client_id, sub, expires_at, attempts"
    ))
    .bind(client_id)
    .bind(now)
    .bind(until)
    .bind(limit)
    .all(db)
    .await
}

/// Removes a notice: it was delivered, or there is no client to tell.
pub(super) async fn remove(db: &Db, sid: SessionId) -> Result<(), StoreError> {
    query(sql!("DELETE FROM logout_notices WHERE sid = $1"))
        .bind(sid)
        .execute(db)
        .await
        .map(drop)
}

pub(super) async fn postpone(db: &Db, sid: SessionId, due_at: Timestamp, failure: &str) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE logout_notices SET due_at = $2, failure = $3 WHERE sid = $1 AND given_up_at IS NULL"
    ))
    .bind(sid)
    .bind(due_at)
    .bind(failure)
    .execute(db)
    .await
    .map(drop)
}

/// Marks a notice as given up, and removes its account. Returns whether it was still queued.
pub(super) async fn give_up(
    tx: &mut Tx<'_>,
    sid: SessionId,
    now: Timestamp,
    failure: &str,
) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE logout_notices SET given_up_at = $2, failure = $3, sub = NULL WHERE sid = $1 AND given_up_at IS NULL"
    ))
    .bind(sid)
    .bind(now)
    .bind(failure)
    .execute(tx)
    .await?;
    Ok(changed > 0)
}

/// Returns how many notices were queued before `before` and are not delivered.
pub(super) async fn overdue(db: &Db, before: Timestamp) -> Result<i64, StoreError> {
    query(sql!(
        "SELECT COUNT(*) FROM logout_notices WHERE given_up_at IS NULL AND created_at <= $1"
    ))
    .bind(before)
    .one(db)
    .await
}

/// Returns the notices that were given up since `since`, by client.
pub(super) async fn failed(db: &Db, since: Timestamp) -> Result<Vec<FailedNotices>, StoreError> {
    query(sql!(
        "SELECT client_id, COUNT(*) AS count, MAX(failure) AS failure
           FROM logout_notices
          WHERE given_up_at IS NOT NULL AND given_up_at > $1
          GROUP BY client_id
          ORDER BY client_id"
    ))
    .bind(since)
    .all(db)
    .await
}

/// Removes up to `limit` notices that were given up before `before`.
pub(super) async fn remove_given_up(
    conn: impl Into<Conn<'_>>,
    before: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM logout_notices
          WHERE sid IN (SELECT sid FROM logout_notices WHERE given_up_at IS NOT NULL AND given_up_at < $1 LIMIT $2)"
    ))
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await
}
