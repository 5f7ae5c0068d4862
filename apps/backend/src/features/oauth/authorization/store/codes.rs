//! The rows of `authorization_codes`.

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};

use super::super::code::CodeHash;
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, SessionId};

row! {
    /// A code and what it was issued for.
    pub(in super::super) struct CodeRow {
        pub client_id: String,
        pub account_id: AccountId,
        /// The session of the browser.
        pub parent_id: SessionId,
        pub redirect_uri: String,
        /// The PKCE challenge of the request, if it had one.
        pub challenge: Option<String>,
        /// JSON.
        pub grant_of: String,
        pub auth_time: Timestamp,
        pub amr: String,
        pub created_at: Timestamp,
        pub expires_at: Timestamp,
        pub spent_at: Option<Timestamp>,
        /// The grant that it became.
        pub session_id: Option<SessionId>,
    }
}

/// The error for a code whose column makes no sense.
pub(in super::super) fn inconsistent(column: &'static str) -> StoreError {
    StoreError::Inconsistent {
        table: "authorization_codes",
        column,
    }
}

/// Voids the codes of an account that have not been exchanged, or those of one client.
pub(in super::super) async fn void(
    tx: &mut Tx<'_>,
    account: AccountId,
    client_id: Option<&str>,
) -> Result<(), StoreError> {
    query(sql!(
        "DELETE FROM authorization_codes
          WHERE account_id = $1 AND client_id = COALESCE($2, client_id) AND spent_at IS NULL"
    ))
    .bind(account)
    .bind(client_id.map(str::to_owned))
    .execute(tx)
    .await
    .map(drop)
}

pub(in super::super) async fn insert(tx: &mut Tx<'_>, hash: CodeHash, code: &CodeRow) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO authorization_codes
            (hash, client_id, account_id, parent_id, redirect_uri, challenge, grant_of, auth_time, amr, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    ))
    .bind(hash)
    .bind(&*code.client_id)
    .bind(code.account_id)
    .bind(code.parent_id)
    .bind(&*code.redirect_uri)
    .bind(code.challenge.clone())
    .bind(&*code.grant_of)
    .bind(code.auth_time)
    .bind(&*code.amr)
    .bind(code.created_at)
    .bind(code.expires_at)
    .execute(tx)
    .await
    .map(drop)
}

/// Returns a code, whether or not it has expired or was spent.
pub(in super::super) async fn find<'c>(
    conn: impl Into<Conn<'c>>,
    hash: CodeHash,
) -> Result<Option<CodeRow>, StoreError> {
    query(sql!(
        "SELECT client_id, account_id, parent_id, redirect_uri, challenge, grant_of, auth_time, amr, created_at, expires_at,
                spent_at, session_id
           FROM authorization_codes
          WHERE hash = $1"
    ))
    .bind(hash)
    .optional(conn)
    .await
}

/// Spends a code for a grant, once. Returns whether it was this call.
pub(in super::super) async fn spend(
    tx: &mut Tx<'_>,
    hash: CodeHash,
    grant: SessionId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let spent = query(sql!(
        "UPDATE authorization_codes
            SET spent_at = $3, session_id = $2
          WHERE hash = $1 AND spent_at IS NULL AND expires_at > $3"
    ))
    .bind(hash)
    .bind(grant)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(spent > 0)
}

/// Removes up to `limit` codes that expired before `before`.
pub(in super::super) async fn remove_ended(db: &Db, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM authorization_codes
          WHERE hash IN (SELECT hash FROM authorization_codes WHERE expires_at < $1 LIMIT $2)"
    ))
    .bind(before)
    .bind(limit)
    .execute(db)
    .await
}
