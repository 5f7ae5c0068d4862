//! The rows of `audit_events`, `audit_subjects`, `audit_erasures`, `audit_checkpoints` and `audit_head`.

use countersign_store::{Conn, Error, Tx, query, row, sql};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::chain::{Hash, SealedRow};
use super::{Event, Filter};
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, AuditId, SessionId};

row! {
    /// One entry of the log, as an export shows it.
    #[derive(Clone, Debug, Serialize, ToSchema)]
    pub struct Entry {
        /// When.
        #[schema(value_type = String, format = DateTime)]
        pub at: Timestamp,
        /// What was done or tried.
        pub kind: String,
        /// `success` or `failure`.
        pub outcome: String,
        /// `account`, `operator` or `anyone`.
        pub actor: String,
        /// The session it was done to or by.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        pub session_id: Option<SessionId>,
        /// From which address.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        pub address: Option<String>,
        /// With which device.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        pub user_agent: Option<String>,
    }
}

row! {
    /// One entry, as the operator sees it.
    #[derive(Clone, Debug, Serialize)]
    pub struct Listed {
        /// Its place in the sealed log; none while it is not sealed.
        pub seq: Option<i64>,
        /// Its id.
        pub id: AuditId,
        /// When.
        pub at: Timestamp,
        /// What was done or tried.
        pub kind: String,
        /// `success` or `failure`.
        pub outcome: String,
        /// `account`, `operator` or `anyone`.
        pub actor: String,
        /// The account it was done to, unless it was erased.
        pub account_id: Option<AccountId>,
        /// The session it was done to or by.
        pub session_id: Option<SessionId>,
        /// From which address.
        pub address: Option<String>,
        /// With which device.
        pub user_agent: Option<String>,
        /// The request's id in the server's log.
        pub request_id: String,
        /// A few words more.
        pub detail: Option<String>,
    }
}

row! {
    /// A row that is still to be sealed.
    #[derive(Clone, Debug, Serialize)]
    pub struct Unsealed {
        /// Its id.
        pub id: AuditId,
        /// When.
        pub at: Timestamp,
        /// What was done or tried.
        pub kind: String,
        /// `success` or `failure`.
        pub outcome: String,
        /// `account`, `operator` or `anyone`.
        pub actor: String,
        /// The account it was done to.
        #[serde(skip)]
        pub account_id: Option<AccountId>,
        /// The session it was done to or by.
        pub session_id: Option<SessionId>,
        /// From which address.
        pub address: Option<String>,
        /// With which device.
        pub user_agent: Option<String>,
        /// The request's id in the server's log.
        pub request_id: String,
        /// A few words more.
        pub detail: Option<String>,
    }
}

row! {
    /// The end of the chain.
    pub(super) struct Head {
        pub revision: i64,
        pub seq: i64,
        pub hash: Option<Hash>,
        pub removed_through: i64,
    }
}

row! {
    /// A signature over the chain.
    pub(super) struct Checkpoint {
        pub seq: i64,
        pub token: String,
    }
}

pub(super) async fn insert(tx: &mut Tx<'_>, id: AuditId, at: Timestamp, event: &Event<'_>) -> Result<(), Error> {
    query(sql!(
        "INSERT INTO audit_events
            (id, at, kind, outcome, actor, account_id, session_id, address, user_agent, request_id, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    ))
    .bind(id)
    .bind(at)
    .bind(event.kind.name())
    .bind(event.outcome.name())
    .bind(event.actor.name())
    .bind(event.account)
    .bind(event.session)
    .bind(event.origin.address.map(|address| address.to_string()))
    .bind(event.origin.user_agent.clone())
    .bind(&*event.origin.request_id)
    .bind(event.detail.clone())
    .execute(tx)
    .await
    .map(drop)
}

/// The newest `limit` entries about an account, newest first.
///
/// # Errors
/// Those of the database.
pub async fn of_account<'c>(conn: impl Into<Conn<'c>>, account: AccountId, limit: i64) -> Result<Vec<Entry>, Error> {
    query(sql!(
        "SELECT at, kind, outcome, actor, session_id, address, user_agent
           FROM audit_events
          WHERE account_id = $1
             OR subject = (SELECT pseudonym FROM audit_subjects WHERE account_id = $1)
          ORDER BY at DESC, id DESC
          LIMIT $2"
    ))
    .bind(account)
    .bind(limit)
    .all(conn)
    .await
}

/// The newest entries that the filter lets through, newest first.
pub(super) async fn list<'c>(conn: impl Into<Conn<'c>>, filter: &Filter) -> Result<Vec<Listed>, Error> {
    query(sql!(
        "SELECT e.seq, e.id, e.at, e.kind, e.outcome, e.actor, COALESCE(e.account_id, s.account_id) AS account_id,
                e.session_id, e.address, e.user_agent, e.request_id, e.detail
           FROM audit_events e
           LEFT JOIN audit_subjects s ON s.pseudonym = e.subject
          WHERE e.at >= $1 AND e.at < $2
            AND (e.account_id = $3 OR s.account_id = $3 OR $4)
            AND (e.kind = $5 OR $6)
          ORDER BY e.at DESC, e.id DESC
          LIMIT $7"
    ))
    .bind(filter.since)
    .bind(filter.until)
    .bind(filter.account)
    .bind(filter.account.is_none())
    .bind(filter.kind.clone())
    .bind(filter.kind.is_none())
    .bind(filter.limit)
    .all(conn)
    .await
}

pub(super) async fn head<'c>(conn: impl Into<Conn<'c>>) -> Result<Head, Error> {
    query(sql!(
        "SELECT revision, seq, hash, removed_through FROM audit_head WHERE id = 1"
    ))
    .one(conn)
    .await
}

/// Rows that have no place yet, oldest first.
pub(super) async fn unsealed<'c>(conn: impl Into<Conn<'c>>, limit: i64) -> Result<Vec<Unsealed>, Error> {
    query(sql!(
        "SELECT id, at, kind, outcome, actor, account_id, session_id, address, user_agent, request_id, detail
           FROM audit_events
          WHERE seq IS NULL
          ORDER BY id
          LIMIT $1"
    ))
    .bind(limit)
    .all(conn)
    .await
}

/// Since when something waits to be sealed.
pub(super) async fn oldest_unsealed<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<Timestamp>, Error> {
    query(sql!(
        "SELECT at FROM audit_events WHERE seq IS NULL ORDER BY id LIMIT 1"
    ))
    .optional(conn)
    .await
}

/// When the newest entry was written.
pub async fn newest<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<Timestamp>, Error> {
    query(sql!("SELECT at FROM audit_events ORDER BY at DESC LIMIT 1"))
        .optional(conn)
        .await
}

pub(super) async fn has_unsealed<'c>(conn: impl Into<Conn<'c>>, account: AccountId) -> Result<bool, Error> {
    let found: Option<i64> = query(sql!(
        "SELECT at FROM audit_events WHERE account_id = $1 AND seq IS NULL LIMIT 1"
    ))
    .bind(account)
    .optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Moves the end of the chain, if nobody else has moved it.
pub(super) async fn advance(tx: &mut Tx<'_>, revision: i64, (seq, hash): (i64, Hash)) -> Result<bool, Error> {
    let changed = query(sql!(
        "UPDATE audit_head SET revision = revision + 1, seq = $2, hash = $3 WHERE id = 1 AND revision = $1"
    ))
    .bind(revision)
    .bind(seq)
    .bind(hash)
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// Keeps all others from working on the log, if nobody else has worked on it.
pub(super) async fn touch(tx: &mut Tx<'_>, revision: i64) -> Result<bool, Error> {
    let changed = query(sql!(
        "UPDATE audit_head SET revision = revision + 1 WHERE id = 1 AND revision = $1"
    ))
    .bind(revision)
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// Says up to where rows are to be removed.
pub(super) async fn intend(tx: &mut Tx<'_>, revision: i64, through: i64) -> Result<bool, Error> {
    let changed = query(sql!(
        "UPDATE audit_head SET revision = revision + 1, removed_through = $2 WHERE id = 1 AND revision = $1"
    ))
    .bind(revision)
    .bind(through)
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// Gives a row its place. Its account becomes a pseudonym.
pub(super) async fn seal(tx: &mut Tx<'_>, row: &SealedRow) -> Result<(), Error> {
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

/// Sealed rows behind a place, in their order.
pub(super) async fn rows<'c>(conn: impl Into<Conn<'c>>, after: i64, limit: i64) -> Result<Vec<SealedRow>, Error> {
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

pub(super) async fn first_place<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<i64>, Error> {
    query(sql!(
        "SELECT seq FROM audit_events WHERE seq IS NOT NULL ORDER BY seq LIMIT 1"
    ))
    .optional(conn)
    .await
}

pub(super) async fn checkpoints<'c>(
    conn: impl Into<Conn<'c>>,
    after: i64,
    limit: i64,
) -> Result<Vec<Checkpoint>, Error> {
    query(sql!(
        "SELECT seq, token FROM audit_checkpoints WHERE seq > $1 ORDER BY seq LIMIT $2"
    ))
    .bind(after)
    .bind(limit)
    .all(conn)
    .await
}

pub(super) async fn checkpoint_at<'c>(conn: impl Into<Conn<'c>>, seq: i64) -> Result<Option<String>, Error> {
    query(sql!("SELECT token FROM audit_checkpoints WHERE seq = $1"))
        .bind(seq)
        .optional(conn)
        .await
}

/// Checkpoints that the webhook has not got yet, oldest first.
pub(super) async fn unsent<'c>(conn: impl Into<Conn<'c>>, limit: i64) -> Result<Vec<Checkpoint>, Error> {
    query(sql!(
        "SELECT seq, token FROM audit_checkpoints WHERE sent_at IS NULL ORDER BY seq LIMIT $1"
    ))
    .bind(limit)
    .all(conn)
    .await
}

pub(super) async fn mark_sent(conn: impl Into<Conn<'_>>, seq: i64, now: Timestamp) -> Result<(), Error> {
    query(sql!("UPDATE audit_checkpoints SET sent_at = $2 WHERE seq = $1"))
        .bind(seq)
        .bind(now)
        .execute(conn)
        .await
        .map(drop)
}

pub(super) async fn insert_checkpoint(tx: &mut Tx<'_>, (seq, at): (i64, Timestamp), token: &str) -> Result<(), Error> {
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

pub(super) async fn last_checkpoint_before<'c>(
    conn: impl Into<Conn<'c>>,
    before: Timestamp,
) -> Result<Option<i64>, Error> {
    query(sql!(
        "SELECT seq FROM audit_checkpoints WHERE sealed_at < $1 ORDER BY seq DESC LIMIT 1"
    ))
    .bind(before)
    .optional(conn)
    .await
}

pub(super) async fn remove_rows(conn: impl Into<Conn<'_>>, through: i64, limit: i64) -> Result<u64, Error> {
    query(sql!(
        "DELETE FROM audit_events
          WHERE seq IN (SELECT seq FROM audit_events WHERE seq <= $1 ORDER BY seq LIMIT $2)"
    ))
    .bind(through)
    .bind(limit)
    .execute(conn)
    .await
}

/// The last one stays: the log begins behind it.
pub(super) async fn remove_checkpoints(conn: impl Into<Conn<'_>>, through: i64) -> Result<(), Error> {
    query(sql!("DELETE FROM audit_checkpoints WHERE seq < $1"))
        .bind(through)
        .execute(conn)
        .await
        .map(drop)
}

pub(super) async fn pseudonym<'c>(conn: impl Into<Conn<'c>>, account: AccountId) -> Result<Option<Uuid>, Error> {
    query(sql!("SELECT pseudonym FROM audit_subjects WHERE account_id = $1"))
        .bind(account)
        .optional(conn)
        .await
}

pub(super) async fn remember(tx: &mut Tx<'_>, pseudonym: Uuid, account: AccountId) -> Result<(), Error> {
    query(sql!(
        "INSERT INTO audit_subjects (pseudonym, account_id) VALUES ($1, $2) ON CONFLICT (account_id) DO NOTHING"
    ))
    .bind(pseudonym)
    .bind(account)
    .execute(tx)
    .await
    .map(drop)
}

/// Asks for an account to be forgotten.
pub(super) async fn ask_erasure(tx: &mut Tx<'_>, account: AccountId, now: Timestamp) -> Result<(), Error> {
    query(sql!(
        "INSERT INTO audit_erasures (account_id, asked_at) VALUES ($1, $2) ON CONFLICT (account_id) DO NOTHING"
    ))
    .bind(account)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn erasures<'c>(
    conn: impl Into<Conn<'c>>,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<AccountId>, Error> {
    query(sql!(
        "SELECT account_id FROM audit_erasures WHERE asked_at < $1 ORDER BY asked_at LIMIT $2"
    ))
    .bind(before)
    .bind(limit)
    .all(conn)
    .await
}

pub(super) async fn erase_particulars(tx: &mut Tx<'_>, pseudonym: Uuid) -> Result<(), Error> {
    query(sql!(
        "UPDATE audit_events SET address = NULL, user_agent = NULL, salt = NULL WHERE subject = $1"
    ))
    .bind(pseudonym)
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn forget_pseudonym(tx: &mut Tx<'_>, pseudonym: Uuid) -> Result<(), Error> {
    query(sql!("DELETE FROM audit_subjects WHERE pseudonym = $1"))
        .bind(pseudonym)
        .execute(tx)
        .await
        .map(drop)
}

pub(super) async fn forget_erasure(tx: &mut Tx<'_>, account: AccountId) -> Result<(), Error> {
    query(sql!("DELETE FROM audit_erasures WHERE account_id = $1"))
        .bind(account)
        .execute(tx)
        .await
        .map(drop)
}
