//! Ending and removing sessions.

use countersign_store::{Conn, StoreError, Tx, query, row, sql};

use super::session::Session;
use crate::core::clock::Timestamp;
use crate::core::first_party::{FIRST_PARTY_CLIENT, is_first_party, is_grant};
use crate::core::ids::{AccountId, SessionId};
use crate::features::oauth::backchannel_logout::EndedGrant;
use crate::features::sign_in::revocation::Bit;

row! {
    /// A session that has just been ended.
    pub(in super::super) struct Ended {
        pub id: SessionId,
        pub account_id: AccountId,
        pub client_id: String,
        status_list: i64,
        status_idx: i64,
    }
}

impl Ended {
    /// Returns its bit in the status list.
    pub(in super::super) fn bit(&self) -> Bit {
        Bit {
            list: self.status_list,
            idx: self.status_idx,
        }
    }

    /// Returns the grant that has ended; `None` for a first-party session.
    pub(in super::super) fn grant(&self) -> Option<EndedGrant> {
        (self.client_id != FIRST_PARTY_CLIENT).then(|| EndedGrant {
            client_id: self.client_id.clone(),
            sid: self.id,
            sub: self.account_id,
        })
    }
}

/// The columns of an [`Ended`] session.
macro_rules! ended {
    () => {
        "id, account_id, client_id, status_list, status_idx"
    };
}

/// Ends a first-party session of `account`, or of any account if it is `None`, if it had not ended.
pub(in super::super) async fn end(
    tx: &mut Tx<'_>,
    id: SessionId,
    account: Option<AccountId>,
    now: Timestamp,
) -> Result<Option<Ended>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET revoked_at = $3
          WHERE id = $1 AND account_id = COALESCE($2, account_id) AND revoked_at IS NULL AND ",
        is_first_party!(),
        "
      RETURNING ",
        ended!()
    )))
    .bind(id)
    .bind(account)
    .bind(now)
    .optional(tx)
    .await
}

/// Ends a grant if it had not ended.
pub(in super::super) async fn end_grant(
    tx: &mut Tx<'_>,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<Ended>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET revoked_at = $2
          WHERE id = $1 AND revoked_at IS NULL AND ",
        is_grant!(),
        "
      RETURNING ",
        ended!()
    )))
    .bind(id)
    .bind(now)
    .optional(tx)
    .await
}

/// Ends the grants that are bound to a session.
pub(in super::super) async fn end_bound(
    tx: &mut Tx<'_>,
    parent: SessionId,
    now: Timestamp,
) -> Result<Vec<Ended>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET revoked_at = $2
          WHERE parent_id = $1 AND bound AND revoked_at IS NULL
      RETURNING ",
        ended!()
    )))
    .bind(parent)
    .bind(now)
    .all(tx)
    .await
}

/// Ends all grants of an account, or those of one client.
pub(in super::super) async fn end_grants_of_account(
    tx: &mut Tx<'_>,
    account: AccountId,
    client_id: Option<&str>,
    now: Timestamp,
) -> Result<Vec<Ended>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET revoked_at = $3
          WHERE account_id = $1 AND client_id = COALESCE($2, client_id) AND revoked_at IS NULL AND ",
        is_grant!(),
        "
      RETURNING ",
        ended!()
    )))
    .bind(account)
    .bind(client_id.map(str::to_owned))
    .bind(now)
    .all(tx)
    .await
}

/// Ends up to `limit` grants of a client.
pub(in super::super) async fn end_grants_of_client(
    tx: &mut Tx<'_>,
    client_id: &str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Ended>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET revoked_at = $2
          WHERE id IN (SELECT id FROM sessions
                        WHERE client_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND ",
        is_grant!(),
        "
                        LIMIT $3)
      RETURNING ",
        ended!()
    )))
    .bind(client_id)
    .bind(now)
    .bind(limit)
    .all(tx)
    .await
}

/// Ends the oldest active grants of the account, client and epoch of `newest`, except `newest` itself and the newest `keep`
/// others.
pub(in super::super) async fn end_grants_beyond(
    tx: &mut Tx<'_>,
    newest: &Session,
    keep: i64,
    now: Timestamp,
) -> Result<Vec<Ended>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET revoked_at = $6
          WHERE id IN (SELECT id
                         FROM sessions
                        WHERE account_id = $1 AND client_id = $2 AND epoch = $3 AND id <> $4
                          AND revoked_at IS NULL AND expires_at > $6 AND ",
        is_grant!(),
        "
                        ORDER BY created_at DESC, id DESC
                        LIMIT 1000000 OFFSET $5)
      RETURNING ",
        ended!()
    )))
    .bind(newest.account_id)
    .bind(&*newest.client_id)
    .bind(newest.epoch)
    .bind(newest.id)
    .bind(keep)
    .bind(now)
    .all(tx)
    .await
}

/// Ends all sessions of an account, grants too, except `kept`. (No session has the id of its account, so that id stands for
/// keeping none.)
pub(in super::super) async fn end_all(
    tx: &mut Tx<'_>,
    account: AccountId,
    kept: Option<SessionId>,
    now: Timestamp,
) -> Result<Vec<Ended>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET revoked_at = $3
          WHERE account_id = $1 AND id <> COALESCE($2, account_id) AND revoked_at IS NULL
      RETURNING ",
        ended!()
    )))
    .bind(account)
    .bind(kept)
    .bind(now)
    .all(tx)
    .await
}

/// Ends all active first-party sessions of the account and epoch of `newest` except `newest` itself and the newest `keep` others.
pub(in super::super) async fn end_beyond(
    tx: &mut Tx<'_>,
    newest: &Session,
    keep: i64,
    now: Timestamp,
) -> Result<Vec<Ended>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET revoked_at = $5
          WHERE id IN (SELECT id
                         FROM sessions
                        WHERE account_id = $1 AND epoch = $2 AND id <> $3
                          AND revoked_at IS NULL AND expires_at > $5 AND ",
        is_first_party!(),
        "
                        ORDER BY created_at DESC, id DESC
                        LIMIT 1000000 OFFSET $4)
      RETURNING ",
        ended!()
    )))
    .bind(newest.account_id)
    .bind(newest.epoch)
    .bind(newest.id)
    .bind(keep)
    .bind(now)
    .all(tx)
    .await
}

/// Removes up to `limit` sessions that expired before `now`.
pub(in super::super) async fn remove_ended_sessions(
    conn: impl Into<Conn<'_>>,
    now: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2)"
    ))
    .bind(now)
    .bind(limit)
    .execute(conn)
    .await
}

/// Ends up to `limit` sessions of any account. The caller is responsible for their bits.
pub(in super::super) async fn end_some(
    conn: impl Into<Conn<'_>>,
    now: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    query(sql!(
        "UPDATE sessions
            SET revoked_at = $1
          WHERE id IN (SELECT id FROM sessions WHERE revoked_at IS NULL AND created_at <= $1 LIMIT $2)"
    ))
    .bind(now)
    .bind(limit)
    .execute(conn)
    .await
}
