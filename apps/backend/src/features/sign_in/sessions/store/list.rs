//! Lists of sessions, and where sessions were opened.

use countersign_store::{Conn, StoreError, query, sql};

use super::session::{Session, columns, is_active};
use crate::core::clock::Timestamp;
use crate::core::first_party::{is_first_party, is_grant};
use crate::core::ids::{AccountId, SessionId};
use crate::core::versions::SessionEpoch;
use crate::features::identity::accounts::session_epoch_of;

/// Lists the active grants of an account, newest first.
pub(in super::super) async fn list_grants<'c>(
    conn: impl Into<Conn<'c>>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    query(sql!(concat!(
        "SELECT ",
        columns!(),
        "
           FROM sessions
          WHERE account_id = $1 AND ",
        is_grant!(),
        " AND ",
        is_active!("$2"),
        "
          ORDER BY created_at DESC, id DESC"
    )))
    .bind(account)
    .bind(now)
    .all(conn)
    .await
}

/// Lists the newest active grants of a client, or of all clients.
pub(in super::super) async fn list_grants_of_client<'c>(
    conn: impl Into<Conn<'c>>,
    client_id: Option<&str>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Session>, StoreError> {
    query(sql!(concat!(
        "SELECT ",
        columns!(),
        "
           FROM sessions
          WHERE client_id = COALESCE($1, client_id) AND ",
        is_grant!(),
        " AND ",
        is_active!("$2"),
        "
          ORDER BY created_at DESC, id DESC
          LIMIT $3"
    )))
    .bind(client_id.map(str::to_owned))
    .bind(now)
    .bind(limit)
    .all(conn)
    .await
}

/// Lists the active first-party sessions of an account in its current epoch, newest first.
pub(in super::super) async fn list_active<'c>(
    conn: impl Into<Conn<'c>>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    query(sql!(concat!(
        "SELECT ",
        columns!(),
        "
           FROM sessions
          WHERE account_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND ",
        is_first_party!(),
        "
            AND epoch = ",
        session_epoch_of!("$1"),
        "
          ORDER BY created_at DESC, id DESC"
    )))
    .bind(account)
    .bind(now)
    .all(conn)
    .await
}

/// Returns whether a grant was opened by this account in this browser session, active or not.
pub(in super::super) async fn opened_in<'c>(
    conn: impl Into<Conn<'c>>,
    grant: SessionId,
    account: AccountId,
    parent: SessionId,
) -> Result<bool, StoreError> {
    let found: Option<SessionId> = query(sql!(
        "SELECT id FROM sessions WHERE id = $1 AND account_id = $2 AND parent_id = $3"
    ))
    .bind(grant)
    .bind(account)
    .bind(parent)
    .optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Returns whether a first-party session of this account and epoch was opened from this network since `since`, active or
/// not. Grants do not count: the IP address of a client's server is not the user's.
pub(in super::super) async fn opened_from<'c>(
    conn: impl Into<Conn<'c>>,
    account: AccountId,
    epoch: SessionEpoch,
    address_prefix: &str,
    since: Timestamp,
) -> Result<bool, StoreError> {
    let found: Option<SessionId> = query(sql!(concat!(
        "SELECT id FROM sessions
          WHERE account_id = $1 AND address_prefix = $2 AND created_at > $3 AND epoch = $4 AND ",
        is_first_party!(),
        "
          LIMIT 1"
    )))
    .bind(account)
    .bind(address_prefix)
    .bind(since)
    .bind(epoch)
    .optional(conn)
    .await?;
    Ok(found.is_some())
}
