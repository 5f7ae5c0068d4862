//! The rows of `audit_events`.

use countersign_store::{Conn, Error, Tx, query, row, sql};
use serde::Serialize;
use utoipa::ToSchema;

use super::Event;
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
          ORDER BY at DESC, id DESC
          LIMIT $2"
    ))
    .bind(account)
    .bind(limit)
    .all(conn)
    .await
}
