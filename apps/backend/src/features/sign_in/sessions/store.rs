//! The rows of `sessions`. Checks of a session's account are part of the same statement.

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};

use super::refresh_token::{FamilyHash, RefreshHash, SpenderHash};
use crate::core::clock::Timestamp;
use crate::core::first_party::is_first_party;
use crate::core::ids::{AccountId, SessionId};
use crate::core::versions::SessionEpoch;
use crate::features::identity::accounts::session_epoch_of;
use crate::features::sign_in::revocation::Bit;

row! {
    /// A session: one sign-in on one device, or what one client may do for a user, until it ends.
    #[derive(Clone, Debug)]
    pub struct Session {
        /// Its id; `sid` in its tokens.
        pub id: SessionId,
        pub account_id: AccountId,
        /// The account's epoch when the session was opened. The session is invalid in any other epoch.
        pub epoch: SessionEpoch,
        /// The client it was opened with; of a grant, the client that it was given to.
        pub client_id: String,
        /// Of a grant: the browser session in which the user granted it.
        pub parent_id: Option<SessionId>,
        /// Whether it ends with that browser session.
        pub bound: bool,
        /// When the user was authenticated.
        pub auth_time: Timestamp,
        /// Of a grant: the grant type that it came from.
        pub grant_type: Option<String>,
        /// Of a grant: the identifiers of its APIs, separated by spaces.
        pub resources: Option<String>,
        /// Of a grant: the `claims` of the authorization request, as JSON.
        pub claims: Option<String>,
        /// The authentication methods (RFC 8176), separated by spaces; empty for sessions opened by an operator.
        pub amr: String,
        /// The scopes it was opened with, separated by spaces.
        pub scope: String,
        pub user_agent: Option<String>,
        /// The IP address it was created from.
        pub address: Option<String>,
        /// The time of the sign-in.
        pub created_at: Timestamp,
        /// The time of the last sign-in, refresh or extension of its cookie.
        pub last_seen_at: Timestamp,
        pub expires_at: Timestamp,
        pub status_list: i64,
        pub status_idx: i64,
    }
}

/// The columns of a [`Session`].
macro_rules! columns {
    () => {
        "id, account_id, epoch, client_id, parent_id, bound, auth_time, grant_type, resources, claims, amr, scope, user_agent,
                address, created_at, last_seen_at, expires_at, status_list, status_idx"
    };
}

impl Session {
    /// Returns its bit in the status list, which tells verifiers that it has ended.
    pub fn bit(&self) -> Bit {
        Bit {
            list: self.status_list,
            idx: self.status_idx,
        }
    }
}

row! {
    /// The refresh tokens of a session: hashes of the family secret, the current secret and the previous one.
    pub(super) struct Family {
        pub family_hash: FamilyHash,
        pub refresh_hash: RefreshHash,
        /// When the current token expires unless it is used before.
        pub refresh_expires_at: Timestamp,
        /// The hash of the token that was spent last; `None` before the first rotation, as are the next two.
        pub previous_hash: Option<RefreshHash>,
        pub rotated_at: Option<Timestamp>,
        /// Where that token was spent.
        pub rotated_from: Option<SpenderHash>,
    }
}

/// The values of the first refresh token for the row of its session.
pub(super) struct NewFamily {
    pub family_hash: FamilyHash,
    pub refresh_hash: RefreshHash,
    pub refresh_expires_at: Timestamp,
}

/// A presented refresh token and its successor.
pub(super) struct Rotation {
    pub session: SessionId,
    pub family_hash: FamilyHash,
    pub presented: RefreshHash,
    pub successor: RefreshHash,
    pub from: SpenderHash,
    pub now: Timestamp,
    /// When the successor expires unless it is used; the session may expire before.
    pub idle_end: Timestamp,
}

row! {
    /// A session that has just been ended.
    pub(super) struct Ended {
        pub account_id: AccountId,
        status_list: i64,
        status_idx: i64,
    }
}

impl Ended {
    pub(super) fn bit(&self) -> Bit {
        Bit {
            list: self.status_list,
            idx: self.status_idx,
        }
    }
}

pub(super) async fn insert_session(
    tx: &mut Tx<'_>,
    session: &Session,
    address_prefix: Option<String>,
    family: Option<NewFamily>,
) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO sessions
            (id, account_id, epoch, client_id, parent_id, bound, auth_time, grant_type, resources, claims, amr, scope,
             user_agent, address, address_prefix, created_at, last_seen_at, expires_at, status_list, status_idx,
             family_hash, refresh_hash, refresh_expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17, $18, $19, $20, $21, $22)"
    ))
    .bind(session.id)
    .bind(session.account_id)
    .bind(session.epoch)
    .bind(&*session.client_id)
    .bind(session.parent_id)
    .bind(session.bound)
    .bind(session.auth_time)
    .bind(session.grant_type.clone())
    .bind(session.resources.clone())
    .bind(session.claims.clone())
    .bind(&*session.amr)
    .bind(&*session.scope)
    .bind(session.user_agent.clone())
    .bind(session.address.clone())
    .bind(address_prefix)
    .bind(session.created_at)
    .bind(session.expires_at)
    .bind(session.status_list)
    .bind(session.status_idx)
    .bind(family.as_ref().map(|family| family.family_hash))
    .bind(family.as_ref().map(|family| family.refresh_hash))
    .bind(family.as_ref().map(|family| family.refresh_expires_at))
    .execute(tx)
    .await
    .map(drop)
}

/// Returns a session that is not revoked, not expired, and of its account's current epoch.
pub(super) async fn find_live<'c>(
    conn: impl Into<Conn<'c>>,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    query(sql!(concat!(
        "SELECT ",
        columns!(),
        "
           FROM sessions
          WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2
            AND epoch = ",
        session_epoch_of!("sessions.account_id")
    )))
    .bind(id)
    .bind(now)
    .optional(conn)
    .await
}

/// Locks an active session until the transaction ends, by updating `last_seen_at`.
pub(super) async fn lock_live(tx: &mut Tx<'_>, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET last_seen_at = $2
          WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2
            AND epoch = ",
        session_epoch_of!("sessions.account_id"),
        "
      RETURNING ",
        columns!()
    )))
    .bind(id)
    .bind(now)
    .optional(tx)
    .await
}

/// Exchanges the current refresh token of an active session for its successor. This is one statement, which checks
/// everything and changes no indexed column.
pub(super) async fn rotate(db: &Db, rotation: &Rotation) -> Result<Option<Session>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET refresh_hash = $4, previous_hash = refresh_hash, rotated_from = $5, rotated_at = $6, last_seen_at = $6,
                refresh_expires_at = CASE WHEN expires_at < $7 THEN expires_at ELSE $7 END
          WHERE id = $1 AND family_hash = $2 AND refresh_hash = $3
            AND revoked_at IS NULL AND expires_at > $6 AND refresh_expires_at > $6
            AND epoch = ",
        session_epoch_of!("sessions.account_id"),
        "
      RETURNING ",
        columns!()
    )))
    .bind(rotation.session)
    .bind(rotation.family_hash)
    .bind(rotation.presented)
    .bind(rotation.successor)
    .bind(rotation.from)
    .bind(rotation.now)
    .bind(rotation.idle_end)
    .optional(db)
    .await
}

/// Records that a session was used.
pub(super) async fn saw(db: &Db, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2"
    ))
    .bind(id)
    .bind(now)
    .execute(db)
    .await
    .map(drop)
}

/// Returns the refresh tokens of a session, active or not. `None` for a browser session, which has a cookie instead.
pub(super) async fn find_family(db: &Db, id: SessionId) -> Result<Option<Family>, StoreError> {
    query(sql!(
        "SELECT family_hash, refresh_hash, refresh_expires_at, previous_hash, rotated_at, rotated_from
           FROM sessions
          WHERE id = $1 AND family_hash IS NOT NULL"
    ))
    .bind(id)
    .optional(db)
    .await
}

/// Ends a session of `account`, or of any account if it is `None`, if it had not ended.
pub(super) async fn end(
    tx: &mut Tx<'_>,
    id: SessionId,
    account: Option<AccountId>,
    now: Timestamp,
) -> Result<Option<Ended>, StoreError> {
    query(sql!(
        "UPDATE sessions
            SET revoked_at = $3
          WHERE id = $1 AND account_id = COALESCE($2, account_id) AND revoked_at IS NULL
      RETURNING account_id, status_list, status_idx"
    ))
    .bind(id)
    .bind(account)
    .bind(now)
    .optional(tx)
    .await
}

/// Ends all sessions of an account except `kept`. (No session has the id of its account, so that id stands for keeping
/// none.)
pub(super) async fn end_all(
    tx: &mut Tx<'_>,
    account: AccountId,
    kept: Option<SessionId>,
    now: Timestamp,
) -> Result<Vec<Ended>, StoreError> {
    query(sql!(
        "UPDATE sessions
            SET revoked_at = $3
          WHERE account_id = $1 AND id <> COALESCE($2, account_id) AND revoked_at IS NULL
      RETURNING account_id, status_list, status_idx"
    ))
    .bind(account)
    .bind(kept)
    .bind(now)
    .all(tx)
    .await
}

/// Moves a session from the previous epoch into the new one of its account.
pub(super) async fn set_epoch(tx: &mut Tx<'_>, id: SessionId, epoch: SessionEpoch) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE sessions SET epoch = $2 WHERE id = $1 AND epoch = $2 - 1 AND revoked_at IS NULL"
    ))
    .bind(id)
    .bind(epoch)
    .execute(tx)
    .await
    .map(drop)
}

/// Lists the active first-party sessions of an account in its current epoch, newest first.
pub(super) async fn list_live<'c>(
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

/// Ends all active first-party sessions of the account and epoch of `newest` except `newest` itself and the newest `keep` others.
pub(super) async fn end_beyond(
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
      RETURNING account_id, status_list, status_idx"
    )))
    .bind(newest.account_id)
    .bind(newest.epoch)
    .bind(newest.id)
    .bind(keep)
    .bind(now)
    .all(tx)
    .await
}

/// Returns whether a first-party session of this account and epoch was opened from this network since `since`, active or
/// not. Grants do not count: the address of a client's server is not the user's.
pub(super) async fn opened_from<'c>(
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

/// Removes up to `limit` sessions that expired before `now`.
pub(super) async fn remove_ended_sessions(
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
pub(super) async fn end_some(conn: impl Into<Conn<'_>>, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
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
