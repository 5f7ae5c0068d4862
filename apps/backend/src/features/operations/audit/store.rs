//! The rows of `audit_events`, `audit_subjects`, `audit_erasures`, `audit_checkpoints` and `audit_head`.

pub(super) mod people;
pub(super) mod sealed;

use countersign_store::{Conn, StoreError, Tx, query, row, sql};
use serde::Serialize;

use super::event::{Event, Filter};
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, AuditId, SessionId};

row! {
    /// One entry of the log.
    #[derive(Clone, Debug, Serialize)]
    pub struct Entry {
        /// Its position in the sealed log; `None` while it is not sealed.
        pub seq: Option<i64>,
        pub id: AuditId,
        pub at: Timestamp,
        /// What happened.
        pub kind: String,
        /// `success` or `failure`.
        pub outcome: String,
        /// `account`, `administrator`, `operator:` with a name, `anyone` or `server`.
        pub actor: String,
        /// The affected account, unless it was erased.
        pub account_id: Option<AccountId>,
        /// The session that was affected, or in which it was done.
        pub session_id: Option<SessionId>,
        pub address: Option<String>,
        pub user_agent: Option<String>,
        /// The id of the request in the server's log.
        pub request_id: String,
        pub detail: Option<String>,
    }
}

pub(super) async fn insert(tx: &mut Tx<'_>, id: AuditId, at: Timestamp, event: &Event<'_>) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO audit_events
            (id, at, kind, outcome, actor, account_id, session_id, address, user_agent, request_id, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    ))
    .bind(id)
    .bind(at)
    .bind(event.kind.name())
    .bind(event.outcome.name())
    .bind(event.actor.name(event.account).into_owned())
    .bind(event.account)
    .bind(event.session)
    .bind(event.request.address.map(|address| address.to_string()))
    .bind(event.request.user_agent.clone())
    .bind(&*event.request.request_id)
    .bind(event.detail.clone())
    .execute(tx)
    .await
    .map(drop)
}

/// Returns the newest `limit` entries about an account, newest first.
pub async fn of_account<'c>(
    conn: impl Into<Conn<'c>>,
    account: AccountId,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    query(sql!(
        "SELECT seq, id, at, kind, outcome, actor, account_id, session_id, address, user_agent, request_id, detail
           FROM audit_events
          WHERE (account_id = $1 AND seq IS NULL)
             OR subject = (SELECT pseudonym FROM audit_subjects WHERE account_id = $1)
          ORDER BY at DESC, id DESC
          LIMIT $2"
    ))
    .bind(account)
    .bind(limit)
    .all(conn)
    .await
}

/// Returns the newest entries that match the filter, newest first.
pub(super) async fn list<'c>(conn: impl Into<Conn<'c>>, filter: &Filter) -> Result<Vec<Entry>, StoreError> {
    query(sql!(
        "SELECT e.seq, e.id, e.at, e.kind, e.outcome, e.actor,
                CASE WHEN e.seq IS NULL THEN e.account_id ELSE s.account_id END AS account_id,
                e.session_id, e.address, e.user_agent, e.request_id, e.detail
           FROM audit_events e
           LEFT JOIN audit_subjects s ON s.pseudonym = e.subject
          WHERE e.at >= $1 AND e.at < $2
            AND ((e.account_id = $3 AND e.seq IS NULL) OR s.account_id = $3 OR $4)
            AND (e.kind = $5 OR $6)
          ORDER BY e.at DESC, e.id DESC
          LIMIT $7"
    ))
    .bind(filter.since)
    .bind(filter.until)
    .bind(filter.account)
    .bind(filter.account.is_none())
    .bind(filter.kind.map(|kind| kind.name().to_owned()))
    .bind(filter.kind.is_none())
    .bind(filter.limit)
    .all(conn)
    .await
}

/// Returns rows without a position, oldest first.
pub(super) async fn unsealed<'c>(conn: impl Into<Conn<'c>>, limit: i64) -> Result<Vec<Entry>, StoreError> {
    query(sql!(
        "SELECT seq, id, at, kind, outcome, actor, account_id, session_id, address, user_agent, request_id, detail
           FROM audit_events
          WHERE seq IS NULL
          ORDER BY id
          LIMIT $1"
    ))
    .bind(limit)
    .all(conn)
    .await
}

/// Returns the time of the oldest entry that is not sealed.
pub(super) async fn oldest_unsealed<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<Timestamp>, StoreError> {
    query(sql!(
        "SELECT at FROM audit_events WHERE seq IS NULL ORDER BY id LIMIT 1"
    ))
    .optional(conn)
    .await
}

/// Returns the number of entries that are not sealed.
pub(super) async fn count_unsealed<'c>(conn: impl Into<Conn<'c>>) -> Result<i64, StoreError> {
    query(sql!("SELECT COUNT(*) FROM audit_events WHERE seq IS NULL"))
        .one(conn)
        .await
}

/// Returns the time of the newest entry.
pub async fn newest<'c>(conn: impl Into<Conn<'c>>) -> Result<Option<Timestamp>, StoreError> {
    query(sql!("SELECT at FROM audit_events ORDER BY at DESC LIMIT 1"))
        .optional(conn)
        .await
}

pub(super) async fn has_unsealed<'c>(conn: impl Into<Conn<'c>>, account: AccountId) -> Result<bool, StoreError> {
    let found: Option<i64> = query(sql!(
        "SELECT at FROM audit_events WHERE account_id = $1 AND seq IS NULL LIMIT 1"
    ))
    .bind(account)
    .optional(conn)
    .await?;
    Ok(found.is_some())
}
