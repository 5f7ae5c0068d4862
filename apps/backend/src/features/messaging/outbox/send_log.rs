//! The send log for the limits: the rows of `mail_marks`. They identify no one and are kept after the account is deleted.

use aws_lc_rs::digest::{Context as Digest, SHA256};
use countersign_store::{Conn, StoreError, Tx, column, query, sql};
use uuid::Uuid;

use crate::core::clock::Timestamp;
use crate::core::email::Email;
use crate::core::limits::AddressPrefix;

/// A recipient: a hash of the folded email address.
#[derive(Clone, Copy)]
pub(super) struct RecipientHash(pub [u8; 32]);

/// The network that requested an email to this recipient.
#[derive(Clone, Copy)]
pub(super) struct NetworkHash(pub [u8; 32]);

column!(RecipientHash as [u8; 32]);
column!(NetworkHash as [u8; 32]);

pub(super) struct Entry {
    pub id: Uuid,
    pub recipient: RecipientHash,
    pub purpose: &'static str,
    pub asker: Option<NetworkHash>,
    pub counted_at: Timestamp,
}

impl RecipientHash {
    pub(super) fn of(to: &Email) -> Self {
        Self(sha256(&[b"mail to ", to.key().as_bytes()]))
    }

    /// The network that requests an email to them.
    pub(super) fn network(&self, prefix: AddressPrefix) -> NetworkHash {
        NetworkHash(sha256(&[&self.0, prefix.site().to_string().as_bytes()]))
    }

    /// The marker of the reserve, which serves requests when no link is available.
    pub(super) fn reserve(&self) -> NetworkHash {
        NetworkHash(sha256(&[&self.0, b"reserve"]))
    }
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Digest::new(&SHA256);
    for part in parts {
        digest.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.finish().as_ref());
    hash
}

pub(super) async fn insert(tx: &mut Tx<'_>, entry: &Entry) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO mail_marks (id, recipient, purpose, asker, counted_at) VALUES ($1, $2, $3, $4, $5)"
    ))
    .bind(entry.id)
    .bind(entry.recipient)
    .bind(entry.purpose)
    .bind(entry.asker)
    .bind(entry.counted_at)
    .execute(tx)
    .await
    .map(drop)
}

/// Returns the number of emails of all kinds to a recipient after `since`, except those of the reserve.
pub(super) async fn count(tx: &mut Tx<'_>, recipient: RecipientHash, since: Timestamp) -> Result<i64, StoreError> {
    query(sql!(
        "SELECT COUNT(*) FROM mail_marks
          WHERE recipient = $1 AND counted_at > $2 AND (asker IS NULL OR asker <> $3)"
    ))
    .bind(recipient)
    .bind(since)
    .bind(recipient.reserve())
    .one(tx)
    .await
}

/// Returns the number of emails of one or all kinds to a recipient that a network requested after `since`; 0 without a network.
pub(super) async fn count_by_network(
    tx: &mut Tx<'_>,
    recipient: RecipientHash,
    purpose: Option<&str>,
    asker: Option<NetworkHash>,
    since: Timestamp,
) -> Result<i64, StoreError> {
    let Some(asker) = asker else {
        return Ok(0);
    };
    let counted = match purpose {
        Some(purpose) => query(sql!(
            "SELECT COUNT(*) FROM mail_marks WHERE recipient = $1 AND asker = $2 AND counted_at > $3 AND purpose = $4"
        ))
        .bind(recipient)
        .bind(asker)
        .bind(since)
        .bind(purpose),
        None => query(sql!(
            "SELECT COUNT(*) FROM mail_marks WHERE recipient = $1 AND asker = $2 AND counted_at > $3"
        ))
        .bind(recipient)
        .bind(asker)
        .bind(since),
    };
    counted.one(tx).await
}

/// Returns when the newest email of a kind to a recipient is or was due.
pub(super) async fn newest(
    tx: &mut Tx<'_>,
    recipient: RecipientHash,
    purpose: &str,
) -> Result<Option<Timestamp>, StoreError> {
    query(sql!(
        "SELECT counted_at FROM mail_marks WHERE recipient = $1 AND purpose = $2 ORDER BY counted_at DESC LIMIT 1"
    ))
    .bind(recipient)
    .bind(purpose)
    .optional(tx)
    .await
}

/// Returns when the email before the last `newer` ones is or was due, except those of the reserve.
pub(super) async fn nth_newest(
    tx: &mut Tx<'_>,
    recipient: RecipientHash,
    newer: i64,
) -> Result<Option<Timestamp>, StoreError> {
    query(sql!(
        "SELECT counted_at FROM mail_marks
          WHERE recipient = $1 AND (asker IS NULL OR asker <> $3)
          ORDER BY counted_at DESC LIMIT 1 OFFSET $2"
    ))
    .bind(recipient)
    .bind(newer)
    .bind(recipient.reserve())
    .optional(tx)
    .await
}

/// Removes up to `limit` entries from before `before`. `mail` calls it while sweeping.
pub async fn trim_send_log(conn: impl Into<Conn<'_>>, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM mail_marks WHERE id IN (SELECT id FROM mail_marks WHERE counted_at < $1 LIMIT $2)"
    ))
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await
}
