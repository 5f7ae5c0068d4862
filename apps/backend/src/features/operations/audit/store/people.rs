//! Pseudonyms and their accounts, and accounts to be erased.

use countersign_store::{Conn, StoreError, Tx, query, row, sql};
use uuid::Uuid;

use super::super::chain::{DELETED, Salt, pseudonym};
use super::super::event::EventKind;
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;

row! {
    pub(in super::super) struct Subject {
        pub pseudonym: Uuid,
        pub account_id: AccountId,
        pub salt: Salt,
    }
}

impl Subject {
    /// Returns whether the pseudonym belongs to this account.
    pub(in super::super) fn fits(&self) -> bool {
        pseudonym(self.salt, self.account_id) == self.pseudonym
    }
}

row! {
    /// A pseudonym without an account.
    pub(in super::super) struct Orphan {
        pub pseudonym: Uuid,
        pub at: i64,
    }
}

/// Returns the pseudonyms of sealed rows that have no account, although no deletion of it is sealed; each with the time of
/// its last row.
pub(in super::super) async fn without_account<'c>(conn: impl Into<Conn<'c>>) -> Result<Vec<Orphan>, StoreError> {
    query(sql!(
        "SELECT e.subject AS pseudonym, MAX(e.at) AS at
           FROM audit_events e
           LEFT JOIN audit_subjects s ON s.pseudonym = e.subject
          WHERE e.seq IS NOT NULL AND e.subject IS NOT NULL AND s.pseudonym IS NULL
            AND NOT EXISTS (SELECT 1 FROM audit_events d
                             WHERE d.subject = e.subject AND d.seq IS NOT NULL
                               AND d.kind = $1 AND d.outcome = 'success')
          GROUP BY e.subject"
    ))
    .bind(DELETED)
    .all(conn)
    .await
}

/// Returns pseudonyms with their accounts, ordered by pseudonym.
pub(in super::super) async fn subjects<'c>(
    conn: impl Into<Conn<'c>>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Subject>, StoreError> {
    query(sql!(
        "SELECT pseudonym, account_id, salt FROM audit_subjects WHERE pseudonym > $1 ORDER BY pseudonym LIMIT $2"
    ))
    .bind(after)
    .bind(limit)
    .all(conn)
    .await
}

/// Returns the accounts after `after` up to `last` whose registration is in the log, sealed or not.
pub(in super::super) async fn registered<'c>(
    conn: impl Into<Conn<'c>>,
    after: AccountId,
    last: AccountId,
) -> Result<Vec<AccountId>, StoreError> {
    query(sql!(
        "SELECT s.account_id
           FROM audit_subjects s
           JOIN audit_events e ON e.subject = s.pseudonym
          WHERE s.account_id > $1 AND s.account_id <= $2
            AND e.seq IS NOT NULL AND e.kind = $3 AND e.outcome = 'success'
          UNION
         SELECT account_id
           FROM audit_events
          WHERE account_id > $1 AND account_id <= $2 AND seq IS NULL AND kind = $3 AND outcome = 'success'"
    ))
    .bind(after)
    .bind(last)
    .bind(EventKind::AccountRegistered.name())
    .all(conn)
    .await
}

/// Returns whether the deletion of a pseudonym's account is sealed.
pub(in super::super) async fn is_deleted<'c>(conn: impl Into<Conn<'c>>, pseudonym: Uuid) -> Result<bool, StoreError> {
    let found: Option<i64> = query(sql!(
        "SELECT at FROM audit_events
          WHERE subject = $1 AND seq IS NOT NULL AND kind = $2 AND outcome = 'success' LIMIT 1"
    ))
    .bind(pseudonym)
    .bind(DELETED)
    .optional(conn)
    .await?;
    Ok(found.is_some())
}

pub(in super::super) async fn subject<'c>(
    conn: impl Into<Conn<'c>>,
    account: AccountId,
) -> Result<Option<Subject>, StoreError> {
    query(sql!(
        "SELECT pseudonym, account_id, salt FROM audit_subjects WHERE account_id = $1"
    ))
    .bind(account)
    .optional(conn)
    .await
}

/// Records the account of a new pseudonym, replacing one that did not match.
pub(in super::super) async fn remember(
    tx: &mut Tx<'_>,
    pseudonym: Uuid,
    salt: Salt,
    account: AccountId,
) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO audit_subjects (pseudonym, account_id, salt) VALUES ($1, $2, $3)
         ON CONFLICT (account_id) DO UPDATE SET pseudonym = excluded.pseudonym, salt = excluded.salt"
    ))
    .bind(pseudonym)
    .bind(account)
    .bind(salt)
    .execute(tx)
    .await
    .map(drop)
}

/// Requests that an account be erased.
pub(in super::super) async fn ask_erasure(
    tx: &mut Tx<'_>,
    account: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO audit_erasures (account_id, asked_at) VALUES ($1, $2) ON CONFLICT (account_id) DO NOTHING"
    ))
    .bind(account)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

pub(in super::super) async fn erasures<'c>(
    conn: impl Into<Conn<'c>>,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<AccountId>, StoreError> {
    query(sql!(
        "SELECT account_id FROM audit_erasures WHERE asked_at < $1 ORDER BY asked_at LIMIT $2"
    ))
    .bind(before)
    .bind(limit)
    .all(conn)
    .await
}

pub(in super::super) async fn erase_particulars(tx: &mut Tx<'_>, pseudonym: Uuid) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE audit_events SET address = NULL, user_agent = NULL, salt = NULL WHERE subject = $1"
    ))
    .bind(pseudonym)
    .execute(tx)
    .await
    .map(drop)
}

pub(in super::super) async fn forget_pseudonym(tx: &mut Tx<'_>, pseudonym: Uuid) -> Result<(), StoreError> {
    query(sql!("DELETE FROM audit_subjects WHERE pseudonym = $1"))
        .bind(pseudonym)
        .execute(tx)
        .await
        .map(drop)
}

pub(in super::super) async fn forget_erasure(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    query(sql!("DELETE FROM audit_erasures WHERE account_id = $1"))
        .bind(account)
        .execute(tx)
        .await
        .map(drop)
}
