//! The rows of `known_devices`.

use countersign_store::{Conn, StoreError, Tx, column, query, row, sql};

use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;

/// The value that identifies a device of one account.
#[derive(Clone, Copy)]
pub(super) struct Hash(pub [u8; 32]);

column!(Hash as [u8; 32]);

row! {
    /// A known device of an account, identified by a hash that reveals nothing.
    #[derive(Clone, Copy, Debug)]
    pub struct KnownDevice {
        /// The first sign-in.
        pub created_at: Timestamp,
        pub seen_at: Timestamp,
        pub expires_at: Timestamp,
    }
}

/// A device that was just used.
pub(super) struct SeenDevice {
    pub account: AccountId,
    pub hash: Hash,
    pub seen_at: Timestamp,
    pub expires_at: Timestamp,
}

pub(super) async fn is_known<'c>(
    conn: impl Into<Conn<'c>>,
    account: AccountId,
    hash: Hash,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let found: Option<AccountId> = query(sql!(
        "SELECT account_id FROM known_devices WHERE account_id = $1 AND hash = $2 AND expires_at > $3"
    ))
    .bind(account)
    .bind(hash)
    .bind(now)
    .optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Returns the devices of an account, most recently used first. Used by the data export.
pub async fn list<'c>(conn: impl Into<Conn<'c>>, account: AccountId) -> Result<Vec<KnownDevice>, StoreError> {
    query(sql!(
        "SELECT created_at, seen_at, expires_at FROM known_devices WHERE account_id = $1 ORDER BY seen_at DESC, hash"
    ))
    .bind(account)
    .all(conn)
    .await
}

pub(super) async fn remember(tx: &mut Tx<'_>, seen: &SeenDevice) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO known_devices (account_id, hash, created_at, seen_at, expires_at)
         VALUES ($1, $2, $3, $3, $4)
         ON CONFLICT (account_id, hash) DO UPDATE SET seen_at = $3, expires_at = $4"
    ))
    .bind(seen.account)
    .bind(seen.hash)
    .bind(seen.seen_at)
    .bind(seen.expires_at)
    .execute(tx)
    .await
    .map(drop)
}

/// Removes all but the `keep` most recently used devices of an account.
pub(super) async fn forget_beyond(tx: &mut Tx<'_>, account: AccountId, keep: i64) -> Result<(), StoreError> {
    query(sql!(
        "DELETE FROM known_devices
          WHERE account_id = $1
            AND hash IN (SELECT hash FROM known_devices
                          WHERE account_id = $1
                          ORDER BY seen_at DESC, hash
                          LIMIT 1000000 OFFSET $2)"
    ))
    .bind(account)
    .bind(keep)
    .execute(tx)
    .await
    .map(drop)
}

/// Removes all devices of an account, because one of them may be the attacker's. `sessions` calls it when all sessions end.
///
/// # Errors
/// Any error of the database, as for all functions here.
pub async fn forget_all(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    query(sql!("DELETE FROM known_devices WHERE account_id = $1"))
        .bind(account)
        .execute(tx)
        .await
        .map(drop)
}

/// Removes all devices of all accounts, after a restore: the backup may contain devices that were removed since.
pub async fn forget_everybody(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    query(sql!("DELETE FROM known_devices")).execute(tx).await.map(drop)
}

/// Removes up to `limit` expired devices. `sessions` calls it while sweeping.
pub async fn remove_ended(conn: impl Into<Conn<'_>>, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM known_devices
          WHERE (account_id, hash) IN (SELECT account_id, hash FROM known_devices WHERE expires_at < $1 LIMIT $2)"
    ))
    .bind(now)
    .bind(limit)
    .execute(conn)
    .await
}
