//! The rows of `device_codes`.

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};
use uuid::Uuid;

use super::secret::DeviceCodeHash;
use crate::core::clock::Timestamp;
use crate::core::handle::HandleHash;
use crate::core::ids::{AccountId, DeviceRequestId};
use crate::core::versions::SessionEpoch;

/// A request that a device begins.
pub(super) struct New<'a> {
    pub id: DeviceRequestId,
    pub hash: DeviceCodeHash,
    pub user_code_hash: [u8; 32],
    pub client_id: &'a str,
    pub audiences: String,
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub wait_ms: i64,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

row! {
    /// A request of a device.
    #[derive(Clone)]
    pub(super) struct Request {
        pub id: DeviceRequestId,
        pub client_id: String,
        /// JSON: what it asks for, by audience.
        pub audiences: String,
        pub user_agent: Option<String>,
        pub address: Option<String>,
        pub created_at: Timestamp,
        pub expires_at: Timestamp,
        /// `None` until the user decides.
        pub decision: Option<String>,
    }
}

row! {
    /// What became of a request, for the device that polls.
    pub(super) struct Polled {
        pub id: DeviceRequestId,
        pub client_id: String,
        /// JSON: what was allowed, by audience.
        pub audiences: String,
        pub user_agent: Option<String>,
        pub address: Option<String>,
        pub account_id: Option<AccountId>,
        pub decision: Option<String>,
        pub epoch: Option<SessionEpoch>,
        pub auth_time: Option<Timestamp>,
        pub amr: Option<String>,
        pub client_epoch: Option<Uuid>,
        /// The ids of the consents, separated by spaces.
        pub consent_ids: Option<String>,
        /// When the device polled last.
        pub polled_at: Option<Timestamp>,
        pub wait_ms: i64,
        pub expires_at: Timestamp,
        pub spent_at: Option<Timestamp>,
    }
}

/// A request that a user allows.
pub(super) struct Allowed<'a> {
    pub id: DeviceRequestId,
    pub account: AccountId,
    pub browser: HandleHash,
    /// What was allowed.
    pub audiences: String,
    pub epoch: SessionEpoch,
    pub auth_time: Timestamp,
    pub amr: &'a str,
    pub client_epoch: Uuid,
    pub consent_ids: String,
    pub now: Timestamp,
}

pub(super) async fn insert(db: &Db, new: New<'_>) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO device_codes
            (id, hash, user_code_hash, client_id, audiences, user_agent, address, wait_ms, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    ))
    .bind(new.id)
    .bind(new.hash)
    .bind(new.user_code_hash.to_vec())
    .bind(new.client_id)
    .bind(new.audiences)
    .bind(new.user_agent)
    .bind(new.address)
    .bind(new.wait_ms)
    .bind(new.now)
    .bind(new.expires_at)
    .execute(db)
    .await
    .map(drop)
}

/// Counts the requests of a client that have not expired, up to `most`.
pub(super) async fn count_of(db: &Db, client_id: &str, now: Timestamp, most: i64) -> Result<i64, StoreError> {
    let count: Option<i64> = query(sql!(
        "SELECT COUNT(*)
           FROM (SELECT 1 AS one FROM device_codes WHERE client_id = $1 AND expires_at > $2 LIMIT $3) AS pending"
    ))
    .bind(client_id)
    .bind(now)
    .bind(most)
    .optional(db)
    .await?;
    Ok(count.unwrap_or(0))
}

/// Counts all requests that have not expired, up to `most`.
pub(super) async fn count(db: &Db, now: Timestamp, most: i64) -> Result<i64, StoreError> {
    let count: Option<i64> = query(sql!(
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM device_codes WHERE expires_at > $1 LIMIT $2) AS pending"
    ))
    .bind(now)
    .bind(most)
    .optional(db)
    .await?;
    Ok(count.unwrap_or(0))
}

/// Gives a request to an account and its browser, unless it has expired, is decided, or belongs to another one already.
pub(super) async fn claim(
    db: &Db,
    user_code_hash: [u8; 32],
    account: AccountId,
    browser: HandleHash,
    now: Timestamp,
) -> Result<Option<DeviceRequestId>, StoreError> {
    query(sql!(
        "UPDATE device_codes
            SET account_id = $2, browser_hash = $3
          WHERE user_code_hash = $1 AND expires_at > $4 AND decision IS NULL AND spent_at IS NULL
            AND (account_id IS NULL OR (account_id = $2 AND browser_hash = $3))
      RETURNING id"
    ))
    .bind(user_code_hash.to_vec())
    .bind(account)
    .bind(browser)
    .bind(now)
    .optional(db)
    .await
}

/// Returns a request that belongs to this account and browser and has not expired.
pub(super) async fn find<'c>(
    conn: impl Into<Conn<'c>>,
    id: DeviceRequestId,
    account: AccountId,
    browser: HandleHash,
    now: Timestamp,
) -> Result<Option<Request>, StoreError> {
    query(sql!(
        "SELECT id, client_id, audiences, user_agent, address, created_at, expires_at, decision
           FROM device_codes
          WHERE id = $1 AND account_id = $2 AND browser_hash = $3 AND expires_at > $4"
    ))
    .bind(id)
    .bind(account)
    .bind(browser)
    .bind(now)
    .optional(conn)
    .await
}

/// Allows a request if it is not decided yet. Returns whether it was.
pub(super) async fn allow(tx: &mut Tx<'_>, allowed: &Allowed<'_>) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE device_codes
            SET decision = 'allowed', audiences = $4, epoch = $5, auth_time = $6, amr = $7, client_epoch = $8,
                consent_ids = $9
          WHERE id = $1 AND account_id = $2 AND browser_hash = $3 AND expires_at > $10
            AND decision IS NULL AND spent_at IS NULL"
    ))
    .bind(allowed.id)
    .bind(allowed.account)
    .bind(allowed.browser)
    .bind(&*allowed.audiences)
    .bind(allowed.epoch)
    .bind(allowed.auth_time)
    .bind(allowed.amr)
    .bind(allowed.client_epoch)
    .bind(&*allowed.consent_ids)
    .bind(allowed.now)
    .execute(tx)
    .await?;
    Ok(changed > 0)
}

/// Denies a request if it is not decided yet. Returns whether it was.
pub(super) async fn deny(tx: &mut Tx<'_>, id: DeviceRequestId, now: Timestamp) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE device_codes
            SET decision = 'canceled'
          WHERE id = $1 AND expires_at > $2 AND decision IS NULL AND spent_at IS NULL"
    ))
    .bind(id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(changed > 0)
}

/// Returns the request of a code in any state.
pub(super) async fn find_by_code(db: &Db, hash: DeviceCodeHash) -> Result<Option<Polled>, StoreError> {
    query(sql!(
        "SELECT id, client_id, audiences, user_agent, address, account_id, decision, epoch, auth_time, amr, client_epoch,
                consent_ids, polled_at, wait_ms, expires_at, spent_at
           FROM device_codes
          WHERE hash = $1"
    ))
    .bind(hash)
    .optional(db)
    .await
}

/// Records a poll, if the next one after the last is due at `due`: now, or somewhat later, because a poll may come early.
pub(super) async fn poll(db: &Db, id: DeviceRequestId, now: Timestamp, due: Timestamp) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE device_codes
            SET polled_at = $2
          WHERE id = $1 AND (polled_at IS NULL OR polled_at + wait_ms <= $3)"
    ))
    .bind(id)
    .bind(now)
    .bind(due)
    .execute(db)
    .await?;
    Ok(changed > 0)
}

/// Records a poll that came too early: the device must wait longer from now on.
pub(super) async fn slow_down(db: &Db, id: DeviceRequestId, now: Timestamp, longer_ms: i64) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE device_codes SET polled_at = $2, wait_ms = wait_ms + $3 WHERE id = $1"
    ))
    .bind(id)
    .bind(now)
    .bind(longer_ms)
    .execute(db)
    .await
    .map(drop)
}

/// Spends an allowed request, once.
pub(super) async fn spend(tx: &mut Tx<'_>, id: DeviceRequestId, now: Timestamp) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE device_codes
            SET spent_at = $2
          WHERE id = $1 AND decision = 'allowed' AND spent_at IS NULL AND expires_at > $2"
    ))
    .bind(id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(changed > 0)
}

/// Voids all requests, for use after restoring a backup.
pub(super) async fn void_all(db: &Db) -> Result<(), StoreError> {
    query(sql!("DELETE FROM device_codes")).execute(db).await.map(drop)
}

/// Removes up to `limit` requests that expired before `now`.
pub(super) async fn remove_ended(conn: impl Into<Conn<'_>>, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM device_codes WHERE id IN (SELECT id FROM device_codes WHERE expires_at < $1 LIMIT $2)"
    ))
    .bind(now)
    .bind(limit)
    .execute(conn)
    .await
}
