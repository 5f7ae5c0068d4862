//! The rows of `signing_keys` and `sealing_keys`: the history of every key, which is kept after its files are removed.

use countersign_jose::SigningAlg;
use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};

use crate::core::clock::Timestamp;

row! {
    /// The record of a key.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(super) struct KeyRecord {
        pub(super) kid: String,
        /// What it signs with: `ES256` or `RS256`.
        pub(super) alg: String,
        /// When a server first published it.
        pub(super) first_seen_at: Timestamp,
        /// Until when it is needed: when its last token expires, or an ID token of it is no longer accepted as a hint.
        pub(super) last_expires_at: Timestamp,
        pub(super) revoked_at: Option<Timestamp>,
    }
}

/// A key: its id, and what it signs with.
#[derive(Clone, Copy)]
pub(super) struct KeyName<'a> {
    pub(super) kid: &'a str,
    pub(super) alg: SigningAlg,
}

pub(super) async fn all(conn: impl Into<Conn<'_>>) -> Result<Vec<KeyRecord>, StoreError> {
    query(sql!(
        "SELECT kid, alg, first_seen_at, last_expires_at, revoked_at FROM signing_keys ORDER BY first_seen_at, kid"
    ))
    .all(conn)
    .await
}

/// Records a key if it is not recorded yet.
pub(super) async fn remember(
    conn: impl Into<Conn<'_>>,
    key: KeyName<'_>,
    now: Timestamp,
    last_expires_at: Timestamp,
) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO signing_keys (kid, alg, first_seen_at, last_expires_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (kid) DO NOTHING"
    ))
    .bind(key.kid)
    .bind(key.alg.as_str())
    .bind(now)
    .bind(last_expires_at)
    .execute(conn)
    .await
    .map(drop)
}

/// Records that tokens of this key may be valid until `until`; never shortens this.
pub(super) async fn extend(db: &Db, key: KeyName<'_>, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO signing_keys (kid, alg, first_seen_at, last_expires_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (kid) DO UPDATE SET last_expires_at = excluded.last_expires_at
                                   WHERE signing_keys.last_expires_at < excluded.last_expires_at"
    ))
    .bind(key.kid)
    .bind(key.alg.as_str())
    .bind(now)
    .bind(until)
    .execute(db)
    .await
    .map(drop)
}

/// Revokes a key permanently for every server on this database.
pub(super) async fn revoke(db: &Db, key: KeyName<'_>, now: Timestamp) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO signing_keys (kid, alg, first_seen_at, last_expires_at, revoked_at)
         VALUES ($1, $2, $3, $3, $3)
         ON CONFLICT (kid) DO UPDATE SET revoked_at = COALESCE(signing_keys.revoked_at, excluded.revoked_at)"
    ))
    .bind(key.kid)
    .bind(key.alg.as_str())
    .bind(now)
    .execute(db)
    .await
    .map(drop)
}

/// Records the first key of its algorithm, unless there is a history; then returns its most recently seen key.
pub(super) async fn begin_history(
    tx: &mut Tx<'_>,
    key: KeyName<'_>,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let mut known = all(&mut *tx).await?;
    known.retain(|known| known.alg == key.alg.as_str());
    // Another node reads the files as soon as they exist, and may have recorded this key by now.
    if known.iter().any(|known| known.kid == key.kid) {
        return Ok(None);
    }
    if let Some(known) = known.pop() {
        return Ok(Some(known.kid));
    }
    remember(tx, key, now, now).await?;
    Ok(None)
}

row! {
    /// The record of a sealing key.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(super) struct SealingRecord {
        pub(super) id: String,
        /// When it was created or first seen by a server.
        pub(super) first_seen_at: Timestamp,
        /// From when it is ignored, even if its file remains.
        pub(super) retired_at: Option<Timestamp>,
    }
}

/// Returns every sealing key that was ever used, oldest first.
pub(super) async fn all_sealing(conn: impl Into<Conn<'_>>) -> Result<Vec<SealingRecord>, StoreError> {
    query(sql!(
        "SELECT id, first_seen_at, retired_at FROM sealing_keys ORDER BY first_seen_at, id"
    ))
    .all(conn)
    .await
}

/// Records a sealing key if it is not recorded yet.
pub(super) async fn remember_sealing(conn: impl Into<Conn<'_>>, id: &str, now: Timestamp) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO sealing_keys (id, first_seen_at)
         VALUES ($1, $2)
         ON CONFLICT (id) DO NOTHING"
    ))
    .bind(id)
    .bind(now)
    .execute(conn)
    .await
    .map(drop)
}

/// Retires a sealing key on every server of this database.
pub(super) async fn retire_sealing(db: &Db, id: &str, now: Timestamp) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE sealing_keys SET retired_at = $2 WHERE id = $1 AND retired_at IS NULL"
    ))
    .bind(id)
    .bind(now)
    .execute(db)
    .await
    .map(drop)
}

/// Records `id` as the first sealing key, unless there are others; then returns the most recently seen one.
pub(super) async fn begin_sealing(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
    let mut known = all_sealing(&mut *tx).await?;
    // As with the first signing key, another node may have recorded this key by now.
    if known.iter().any(|known| known.id == id) {
        return Ok(None);
    }
    if let Some(known) = known.pop() {
        return Ok(Some(known.id));
    }
    remember_sealing(tx, id, now).await?;
    Ok(None)
}
