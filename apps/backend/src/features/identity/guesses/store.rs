//! The rows of `guess_counts`.

use countersign_store::{Conn, StoreError, Tx, query, sql};

use super::email_digest::EmailDigest;
use crate::core::clock::Timestamp;

/// Increments the count if it was below `most` or had ended.
pub(super) async fn take(
    tx: &mut Tx<'_>,
    email: EmailDigest,
    purpose: &str,
    most: i64,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let counted: Option<i64> = query(sql!(
        "INSERT INTO guess_counts (subject, purpose, guesses, expires_at)
         VALUES ($1, $2, 1, $5)
         ON CONFLICT (subject, purpose) DO UPDATE
            SET guesses = CASE WHEN guess_counts.expires_at > $4 THEN guess_counts.guesses + 1 ELSE 1 END,
                expires_at = excluded.expires_at
          WHERE guess_counts.guesses < $3 OR guess_counts.expires_at <= $4
         RETURNING guesses"
    ))
    .bind(email.bytes())
    .bind(purpose)
    .bind(most)
    .bind(now)
    .bind(expires_at)
    .optional(tx)
    .await?;
    Ok(counted.is_some())
}

pub(super) async fn give_back(tx: &mut Tx<'_>, email: EmailDigest, purpose: &str) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE guess_counts SET guesses = guesses - 1 WHERE subject = $1 AND purpose = $2 AND guesses > 0"
    ))
    .bind(email.bytes())
    .bind(purpose)
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn forget(tx: &mut Tx<'_>, email: EmailDigest, purpose: &str) -> Result<(), StoreError> {
    query(sql!("DELETE FROM guess_counts WHERE subject = $1 AND purpose = $2"))
        .bind(email.bytes())
        .bind(purpose)
        .execute(tx)
        .await
        .map(drop)
}

/// Removes up to `limit` counts that ended before `now`.
pub(super) async fn remove_ended(conn: impl Into<Conn<'_>>, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM guess_counts
          WHERE subject IN (SELECT subject FROM guess_counts WHERE expires_at < $1 LIMIT $2) AND expires_at < $1"
    ))
    .bind(now)
    .bind(limit)
    .execute(conn)
    .await
}
