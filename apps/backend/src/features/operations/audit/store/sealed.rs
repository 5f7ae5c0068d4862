//! The sealed log: its rows, the checkpoints, and the head that coordinates servers.

use countersign_store::{Conn, StoreError, Tx, query, row, sql};

use super::super::chain::SealedRow;
use crate::core::clock::Timestamp;
use crate::core::ids::AuditId;

row! {
    /// A row's position and id.
    pub(in super::super) struct Place {
        pub seq: i64,
        pub id: AuditId,
    }
}

row! {
    /// A signature over the chain.
    pub(in super::super) struct Checkpoint {
        pub seq: i64,
        pub token: String,
    }
}

/// Returns the revision by which servers take turns. Signed content never depends on `audit_head`, which is not protected.
pub(in super::super) async fn revision<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<i64>, StoreError> {
    query(sql!("SELECT revision FROM audit_head WHERE id = 1"))
        .optional(conn)
        .await
}

/// Returns the checkpoint that seals the last position.
pub(in super::super) async fn newest_checkpoint<'c>(
    conn: impl Into<Conn<'c>>,
) -> Result<Option<Checkpoint>, StoreError> {
    query(sql!(
        "SELECT seq, token FROM audit_checkpoints ORDER BY seq DESC LIMIT 1"
    ))
    .optional(conn)
    .await
}

/// Returns the first remaining checkpoint.
pub(in super::super) async fn oldest_checkpoint<'c>(
    conn: impl Into<Conn<'c>>,
) -> Result<Option<Checkpoint>, StoreError> {
    query(sql!("SELECT seq, token FROM audit_checkpoints ORDER BY seq LIMIT 1"))
        .optional(conn)
        .await
}

/// Returns the last position with a row or a checkpoint, as of one moment; 0 for an empty log.
pub(in super::super) async fn end<'c>(conn: impl Into<Conn<'c>>) -> Result<i64, StoreError> {
    query(sql!(
        "SELECT COALESCE(MAX(seq), 0)
           FROM (SELECT MAX(seq) AS seq FROM audit_events UNION ALL SELECT MAX(seq) AS seq FROM audit_checkpoints) AS ends"
    ))
    .one(conn)
    .await
}

/// Returns a sealed row that still names an account, which sealing should have removed.
pub(in super::super) async fn attributed<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<Place>, StoreError> {
    query(sql!(
        "SELECT seq, id FROM audit_events WHERE seq IS NOT NULL AND account_id IS NOT NULL ORDER BY seq LIMIT 1"
    ))
    .optional(conn)
    .await
}

/// Returns a row at a position before 1, the first sealed one.
pub(in super::super) async fn before_the_first<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<Place>, StoreError> {
    query(sql!(
        "SELECT seq, id FROM audit_events WHERE seq < 1 ORDER BY seq LIMIT 1"
    ))
    .optional(conn)
    .await
}

/// Returns the next number, also after the largest, which an attacker may have written.
fn next(revision: i64) -> i64 {
    revision.wrapping_add(1)
}

/// Takes a turn at the log. Returns whether no other server has taken one since `revision` was read.
pub(in super::super) async fn take_turn(tx: &mut Tx<'_>, revision: i64) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE audit_head SET revision = $2 WHERE id = 1 AND revision = $1"
    ))
    .bind(revision)
    .bind(next(revision))
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// Assigns a row its position and replaces its account with a pseudonym.
pub(in super::super) async fn seal(tx: &mut Tx<'_>, row: &SealedRow) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE audit_events
            SET seq = $2, subject = $3, account_id = NULL, salt = $4, particulars = $5, hash = $6
          WHERE id = $1 AND seq IS NULL"
    ))
    .bind(row.id)
    .bind(row.seq)
    .bind(row.subject)
    .bind(row.salt)
    .bind(row.particulars)
    .bind(row.hash)
    .execute(tx)
    .await
    .map(drop)
}

/// Returns sealed rows after a position, in order.
pub(in super::super) async fn rows<'c>(
    conn: impl Into<Conn<'c>>,
    after: i64,
    limit: i64,
) -> Result<Vec<SealedRow>, StoreError> {
    query(sql!(
        "SELECT seq, id, at, kind, outcome, actor, subject, session_id, request_id, detail, address, user_agent, salt,
                particulars, hash
           FROM audit_events
          WHERE seq > $1
          ORDER BY seq
          LIMIT $2"
    ))
    .bind(after)
    .bind(limit)
    .all(conn)
    .await
}

pub(in super::super) async fn first_place<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<i64>, StoreError> {
    query(sql!(
        "SELECT seq FROM audit_events WHERE seq IS NOT NULL ORDER BY seq LIMIT 1"
    ))
    .optional(conn)
    .await
}

pub(in super::super) async fn checkpoints<'c>(
    conn: impl Into<Conn<'c>>,
    after: i64,
    limit: i64,
) -> Result<Vec<Checkpoint>, StoreError> {
    query(sql!(
        "SELECT seq, token FROM audit_checkpoints WHERE seq > $1 ORDER BY seq LIMIT $2"
    ))
    .bind(after)
    .bind(limit)
    .all(conn)
    .await
}

pub(in super::super) async fn checkpoint_at<'c>(
    conn: impl Into<Conn<'c>>,
    seq: i64,
) -> Result<Option<String>, StoreError> {
    query(sql!("SELECT token FROM audit_checkpoints WHERE seq = $1"))
        .bind(seq)
        .optional(conn)
        .await
}

/// Returns checkpoints that were not posted yet, oldest first.
pub(in super::super) async fn unsent<'c>(conn: impl Into<Conn<'c>>, limit: i64) -> Result<Vec<Checkpoint>, StoreError> {
    query(sql!(
        "SELECT seq, token FROM audit_checkpoints WHERE sent_at IS NULL ORDER BY seq LIMIT $1"
    ))
    .bind(limit)
    .all(conn)
    .await
}

pub(in super::super) async fn mark_sent(conn: impl Into<Conn<'_>>, seq: i64, now: Timestamp) -> Result<(), StoreError> {
    query(sql!("UPDATE audit_checkpoints SET sent_at = $2 WHERE seq = $1"))
        .bind(seq)
        .bind(now)
        .execute(conn)
        .await
        .map(drop)
}

pub(in super::super) async fn insert_checkpoint(
    tx: &mut Tx<'_>,
    seq: i64,
    at: Timestamp,
    token: &str,
) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO audit_checkpoints (seq, token, sealed_at) VALUES ($1, $2, $3)"
    ))
    .bind(seq)
    .bind(token)
    .bind(at)
    .execute(tx)
    .await
    .map(drop)
}

pub(in super::super) async fn remove_rows(
    conn: impl Into<Conn<'_>>,
    through: i64,
    limit: i64,
) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM audit_events
          WHERE seq IN (SELECT seq FROM audit_events WHERE seq <= $1 ORDER BY seq LIMIT $2)"
    ))
    .bind(through)
    .bind(limit)
    .execute(conn)
    .await
}

/// Removes checkpoints before `through`. The one at `through` is kept, because the log begins after it.
pub(in super::super) async fn remove_checkpoints(
    conn: impl Into<Conn<'_>>,
    through: i64,
    limit: i64,
) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM audit_checkpoints
          WHERE seq IN (SELECT seq FROM audit_checkpoints WHERE seq < $1 ORDER BY seq LIMIT $2)"
    ))
    .bind(through)
    .bind(limit)
    .execute(conn)
    .await
}
