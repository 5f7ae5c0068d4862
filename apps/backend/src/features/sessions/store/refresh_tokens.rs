//! The rows of `refresh_tokens`.

use countersign_store::{Conn, StoreError, Tx, query, row, sql};

use super::super::refresh_secret::RefreshHash;
use crate::core::clock::Timestamp;
use crate::core::ids::SessionId;

row! {
    /// What is known of a refresh token that was presented.
    pub(in super::super) struct Presented {
        pub session_id: SessionId,
        pub parent_hash: Option<RefreshHash>,
        pub expires_at: Timestamp,
        pub spent_at: Option<Timestamp>,
        /// There is one as long as the successor is unused and the replay window is open.
        pub sealed_successor: Option<Vec<u8>>,
        /// The network that it was spent from, as long as there is a seal.
        pub spent_from: Option<String>,
        /// The device that it was spent with, as long as there is a seal.
        pub spent_with: Option<String>,
    }
}

/// What is kept of a spent token for a replay: its successor, and where it was spent.
pub(in super::super) struct Seal<'a> {
    pub sealed: &'a [u8],
    pub network: &'a str,
    pub device: &'a str,
}

/// A refresh token that is about to be stored.
pub(in super::super) struct NewToken {
    pub hash: RefreshHash,
    pub parent_hash: Option<RefreshHash>,
    pub session_id: SessionId,
    pub expires_at: Timestamp,
}

pub(in super::super) async fn insert_token(tx: &mut Tx<'_>, token: &NewToken) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO refresh_tokens (hash, parent_hash, session_id, expires_at) VALUES ($1, $2, $3, $4)"
    ))
    .bind(token.hash)
    .bind(token.parent_hash)
    .bind(token.session_id)
    .bind(token.expires_at)
    .execute(tx)
    .await
    .map(drop)
}

/// A plain look-up, before anything is locked.
pub(in super::super) async fn find_token<'c>(
    conn: impl Into<Conn<'c>>,
    hash: RefreshHash,
) -> Result<Option<Presented>, StoreError> {
    query(sql!(
        "SELECT session_id, parent_hash, expires_at, spent_at, sealed_successor, spent_from, spent_with
           FROM refresh_tokens
          WHERE hash = $1"
    ))
    .bind(hash)
    .optional(conn)
    .await
}

/// Spends a token that is live and unspent. `seal` is kept for a replay, if there is a window. Says whether it was this
/// call that spent it.
pub(in super::super) async fn spend(
    tx: &mut Tx<'_>,
    hash: RefreshHash,
    seal: Option<Seal<'_>>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let spent = query(sql!(
        "UPDATE refresh_tokens
            SET spent_at = $3, sealed_successor = $2, spent_from = $4, spent_with = $5
          WHERE hash = $1 AND spent_at IS NULL AND expires_at > $3"
    ))
    .bind(hash)
    .bind(seal.as_ref().map(|seal| seal.sealed.to_vec()))
    .bind(now)
    .bind(seal.as_ref().map(|seal| seal.network.to_owned()))
    .bind(seal.as_ref().map(|seal| seal.device.to_owned()))
    .execute(tx)
    .await?;
    Ok(spent > 0)
}

/// The successor of `parent` has been used: nobody will be shown it again.
pub(in super::super) async fn wipe_seal(tx: &mut Tx<'_>, parent: RefreshHash) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE refresh_tokens
            SET sealed_successor = NULL, spent_from = NULL, spent_with = NULL
          WHERE hash = $1"
    ))
    .bind(parent)
    .execute(tx)
    .await
    .map(drop)
}

/// Wipes up to `limit` sealed successors whose window ended before `before`.
pub(in super::super) async fn wipe_seals(
    conn: impl Into<Conn<'_>>,
    before: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    query(sql!(
        "UPDATE refresh_tokens
            SET sealed_successor = NULL, spent_from = NULL, spent_with = NULL
          WHERE hash IN (SELECT hash FROM refresh_tokens
                          WHERE sealed_successor IS NOT NULL AND spent_at < $1
                          LIMIT $2)"
    ))
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await
}

/// Removes up to `limit` refresh tokens that ended before `now`.
pub(in super::super) async fn remove_ended_tokens(
    conn: impl Into<Conn<'_>>,
    now: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM refresh_tokens
          WHERE hash IN (SELECT hash FROM refresh_tokens WHERE expires_at < $1 LIMIT $2)"
    ))
    .bind(now)
    .bind(limit)
    .execute(conn)
    .await
}
