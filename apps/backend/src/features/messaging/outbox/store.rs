//! The rows of `outbox`.

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};
use uuid::Uuid;

use super::purpose::Purpose;
use crate::core::clock::Timestamp;
use crate::core::email::Email;
use crate::core::ids::AccountId;

/// A new row.
pub(super) struct Row<'a> {
    pub id: Uuid,
    pub purpose: &'static str,
    pub to: &'a Email,
    pub account: Option<AccountId>,
    pub language: &'static str,
    pub particulars: &'a str,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
    pub expires_at: Timestamp,
}

row! {
    /// An email without an attempt so far.
    pub(super) struct Waiting {
        pub id: Uuid,
        pub particulars: String,
    }
}

row! {
    /// A claimed email.
    pub(super) struct Claimed {
        pub id: Uuid,
        pub purpose: String,
        pub recipient: String,
        pub account_id: Option<AccountId>,
        pub language: String,
        pub particulars: String,
        pub attempts: i64,
    }
}

row! {
    /// An email as shown to operators and its recipient.
    #[derive(Clone, Debug)]
    pub struct MailRecord {
        /// Its id; also in its `Message-ID`.
        pub id: Uuid,
        pub purpose: String,
        pub recipient: String,
        /// When it was queued.
        pub created_at: Timestamp,
        /// When the next attempt is due.
        pub due_at: Timestamp,
        /// The number of attempts.
        pub attempts: i64,
        /// The outcome; `None` while it is queued.
        pub outcome: Option<String>,
        pub ended_at: Option<Timestamp>,
        /// Why the last attempt failed.
        pub failure: Option<String>,
    }
}

row! {
    /// Overdue emails.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Overdue {
        pub count: i64,
        /// When the oldest of them was first due.
        pub since: Option<Timestamp>,
    }
}

pub(super) async fn insert(tx: &mut Tx<'_>, row: &Row<'_>) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO outbox
            (id, purpose, recipient, recipient_key, language, particulars, created_at, due_at, expires_at, attempts,
             account_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10)"
    ))
    .bind(row.id)
    .bind(row.purpose)
    .bind(row.to.typed())
    .bind(row.to.key())
    .bind(row.language)
    .bind(row.particulars)
    .bind(row.created_at)
    .bind(row.due_at)
    .bind(row.expires_at)
    .bind(row.account)
    .execute(tx)
    .await
    .map(drop)
}

/// Returns an email of this kind about this account to this email address without an attempt so far.
pub(super) async fn waiting(
    tx: &mut Tx<'_>,
    purpose: &str,
    recipient_key: &str,
    account: Option<AccountId>,
) -> Result<Option<Waiting>, StoreError> {
    query(sql!(
        "SELECT id, particulars
           FROM outbox
          WHERE recipient_key = $1 AND purpose = $2 AND account_id IS NOT DISTINCT FROM $3
            AND ended_at IS NULL AND attempts = 0
          ORDER BY created_at DESC
          LIMIT 1"
    ))
    .bind(recipient_key)
    .bind(purpose)
    .bind(account)
    .optional(tx)
    .await
}

/// Returns the parameters of all queued emails of this kind to this email address.
pub(super) async fn queued(tx: &mut Tx<'_>, purpose: &str, recipient_key: &str) -> Result<Vec<String>, StoreError> {
    query(sql!(
        "SELECT particulars FROM outbox WHERE recipient_key = $1 AND purpose = $2 AND ended_at IS NULL"
    ))
    .bind(recipient_key)
    .bind(purpose)
    .all(tx)
    .await
}

/// Changes an email's parameters unless sending has begun. Returns whether it succeeded.
pub(super) async fn replace_params(tx: &mut Tx<'_>, id: Uuid, particulars: &str) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE outbox SET particulars = $2 WHERE id = $1 AND ended_at IS NULL AND attempts = 0"
    ))
    .bind(id)
    .bind(particulars)
    .execute(tx)
    .await?;
    Ok(changed > 0)
}

/// Returns whether an email of the same kind about the same account was queued after this one, and is sent or will be. The
/// order is that of the nodes' clocks.
pub(super) async fn is_superseded(db: &Db, id: Uuid, purpose: &str, account: AccountId) -> Result<bool, StoreError> {
    let newer: Option<Uuid> = query(sql!(
        "SELECT id
           FROM outbox
          WHERE account_id = $3 AND purpose = $2 AND id > $1 AND (outcome IS NULL OR outcome = 'sent')
          LIMIT 1"
    ))
    .bind(id)
    .bind(purpose)
    .bind(account)
    .optional(db)
    .await?;
    Ok(newer.is_some())
}

/// Removes an email.
pub(super) async fn remove(db: &Db, id: Uuid) -> Result<(), StoreError> {
    query(sql!("DELETE FROM outbox WHERE id = $1"))
        .bind(id)
        .execute(db)
        .await
        .map(drop)
}

pub(super) async fn is_due(db: &Db, now: Timestamp) -> Result<bool, StoreError> {
    let first: Option<Uuid> = query(sql!(
        "SELECT id FROM outbox WHERE ended_at IS NULL AND due_at <= $1 LIMIT 1"
    ))
    .bind(now)
    .optional(db)
    .await?;
    Ok(first.is_some())
}

/// Defers the longest overdue email to `until`. Of several nodes, one changes the row first, and the others find that it is no
/// longer due.
pub(super) async fn claim(db: &Db, now: Timestamp, until: Timestamp) -> Result<Option<Claimed>, StoreError> {
    query(sql!(
        "UPDATE outbox
            SET due_at = $2, attempts = attempts + 1
          WHERE id = (SELECT id FROM outbox
                       WHERE ended_at IS NULL AND due_at <= $1
                       ORDER BY due_at
                       LIMIT 1)
            AND ended_at IS NULL AND due_at <= $1
      RETURNING id, purpose, recipient, account_id, language, particulars, attempts"
    ))
    .bind(now)
    .bind(until)
    .optional(db)
    .await
}

/// The end of an email.
pub(super) struct Ending<'a> {
    pub id: Uuid,
    pub outcome: &'static str,
    pub ended_at: Timestamp,
    pub failure: Option<&'a str>,
    /// The account that it turned out to be about.
    pub account: Option<AccountId>,
}

pub(super) async fn end(db: &Db, ending: &Ending<'_>) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE outbox
            SET outcome = $2, ended_at = $3, failure = $4, account_id = COALESCE(account_id, $5)
          WHERE id = $1 AND ended_at IS NULL"
    ))
    .bind(ending.id)
    .bind(ending.outcome)
    .bind(ending.ended_at)
    .bind(ending.failure.map(str::to_owned))
    .bind(ending.account)
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn postpone(db: &Db, id: Uuid, due_at: Timestamp, failure: &str) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE outbox SET due_at = $2, failure = $3 WHERE id = $1 AND ended_at IS NULL"
    ))
    .bind(id)
    .bind(due_at)
    .bind(failure)
    .execute(db)
    .await
    .map(drop)
}

/// Ends due emails that are no longer useful.
pub(super) async fn expire(db: &Db, now: Timestamp) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE outbox
            SET outcome = 'expired', ended_at = $1
          WHERE ended_at IS NULL AND due_at <= $1 AND expires_at <= $1"
    ))
    .bind(now)
    .execute(db)
    .await
    .map(drop)
}

/// Returns queued emails whose attempt was due before `before`.
pub(super) async fn overdue(db: &Db, before: Timestamp) -> Result<Overdue, StoreError> {
    query(sql!(
        "SELECT COUNT(*) AS count, MIN(created_at) AS since
           FROM outbox
          WHERE ended_at IS NULL AND (attempts > 0 OR due_at <= $1) AND created_at <= $1"
    ))
    .bind(before)
    .one(db)
    .await
}

pub(super) async fn list(db: &Db, queued_only: bool, limit: i64) -> Result<Vec<MailRecord>, StoreError> {
    query(sql!(
        "SELECT id, purpose, recipient, created_at, due_at, attempts, outcome, ended_at, failure
           FROM outbox
          WHERE ended_at IS NULL OR NOT $1
          ORDER BY id DESC
          LIMIT $2"
    ))
    .bind(queued_only)
    .bind(limit)
    .all(db)
    .await
}

pub(super) async fn list_of(db: &Db, account: AccountId) -> Result<Vec<MailRecord>, StoreError> {
    query(sql!(
        "SELECT id, purpose, recipient, created_at, due_at, attempts, outcome, ended_at, failure
           FROM outbox
          WHERE account_id = $1
          ORDER BY id DESC
          LIMIT 1000"
    ))
    .bind(account)
    .all(db)
    .await
}

pub(super) async fn retry(db: &Db, now: Timestamp) -> Result<u64, StoreError> {
    query(sql!(
        "UPDATE outbox
            SET due_at = $1, outcome = NULL, ended_at = NULL, failure = NULL
          WHERE (ended_at IS NULL OR outcome = 'refused') AND expires_at > $1"
    ))
    .bind(now)
    .execute(db)
    .await
}

/// Ends all queued emails that would grant access to an account. `sessions` calls it to end everything.
pub async fn drop_all_queued(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    let opens_account = |purpose: &&Purpose| purpose.challenge().is_some_and(|challenge| challenge.opens_account);
    for purpose in Purpose::ALL.iter().filter(opens_account) {
        query(sql!(
            "UPDATE outbox SET outcome = 'dropped', ended_at = $1 WHERE ended_at IS NULL AND purpose = $2"
        ))
        .bind(now)
        .bind(purpose.name())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Assigns the emails to an email address that are about no account to the one that has just been created for it. Called when
/// the owner has proven the address.
///
/// # Errors
/// Any error of the database, as for all functions here.
pub async fn assign(tx: &mut Tx<'_>, to: &Email, account: AccountId) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE outbox SET account_id = $2 WHERE recipient_key = $1 AND account_id IS NULL"
    ))
    .bind(to.key())
    .bind(account)
    .execute(tx)
    .await
    .map(drop)
}

/// Removes the emails about an account that have ended. Called when the account is deleted. Queued notices must still reach
/// the owner, who may not be the one who deleted it. They are removed once they are sent; those that expire or are refused
/// stay as long as others.
///
/// # Errors
/// Any error of the database, as for all functions here.
pub async fn forget(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    query(sql!(
        "DELETE FROM outbox WHERE account_id = $1 AND ended_at IS NOT NULL"
    ))
    .bind(account)
    .execute(tx)
    .await
    .map(drop)
}

/// Removes up to `limit` emails that ended before `before`. `mail` calls it while sweeping.
pub async fn remove_ended(conn: impl Into<Conn<'_>>, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM outbox
          WHERE id IN (SELECT id FROM outbox WHERE ended_at IS NOT NULL AND ended_at < $1 LIMIT $2)"
    ))
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await
}
