//! The rows of `sessions`. Checks of a session's account are part of the same statement.

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};

use super::refresh_token::{FamilyHash, RefreshHash, SpenderHash};
use crate::core::clock::Timestamp;
use crate::core::first_party::{FIRST_PARTY_CLIENT, is_first_party, is_grant};
use crate::core::ids::{AccountId, SessionId};
use crate::core::versions::SessionEpoch;
use crate::features::identity::accounts::session_epoch_of;
use crate::features::oauth::backchannel_logout::EndedGrant;
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

/// SQL: the session is active at the time `$now`: it has not ended, its account is in its epoch, and so is the browser
/// session that a bound grant ends with.
macro_rules! lives {
    ($now:literal) => {
        concat!(
            "revoked_at IS NULL AND expires_at > ",
            $now,
            " AND epoch = ",
            session_epoch_of!("sessions.account_id"),
            " AND (NOT bound
                   OR EXISTS (SELECT 1 FROM sessions parent
                               WHERE parent.id = sessions.parent_id AND parent.revoked_at IS NULL
                                 AND parent.expires_at > ",
            $now,
            "))"
        )
    };
}

impl Session {
    /// Returns whether it is a grant of another client than the first party.
    pub fn is_grant(&self) -> bool {
        self.client_id != FIRST_PARTY_CLIENT
    }

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
        /// The client of the session.
        pub client_id: String,
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

/// A presented refresh token.
pub(super) struct Presented<'a> {
    pub session: SessionId,
    pub family_hash: FamilyHash,
    pub presented: RefreshHash,
    /// The client that presents it.
    pub client_id: &'a str,
    pub now: Timestamp,
    /// When the token, or its successor, expires unless it is used; the session may expire before.
    pub idle_end: Timestamp,
}

/// A presented refresh token and its successor.
pub(super) struct Rotation<'a> {
    pub token: Presented<'a>,
    pub successor: RefreshHash,
    pub from: SpenderHash,
}

row! {
    /// A session that has just been ended.
    pub(super) struct Ended {
        pub id: SessionId,
        pub account_id: AccountId,
        pub client_id: String,
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

impl Ended {
    /// Returns the grant that has ended; `None` for a first-party session.
    pub(super) fn grant(&self) -> Option<EndedGrant> {
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

/// Returns an active session.
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
          WHERE id = $1 AND ",
        lives!("$2")
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
          WHERE id = $1 AND ",
        lives!("$2"),
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
pub(super) async fn rotate(db: &Db, rotation: &Rotation<'_>) -> Result<Option<Session>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET refresh_hash = $4, previous_hash = refresh_hash, rotated_from = $5, rotated_at = $6, last_seen_at = $6,
                refresh_expires_at = CASE WHEN expires_at < $7 THEN expires_at ELSE $7 END
          WHERE id = $1 AND family_hash = $2 AND refresh_hash = $3 AND client_id = $8 AND refresh_expires_at > $6 AND ",
        lives!("$6"),
        "
      RETURNING ",
        columns!()
    )))
    .bind(rotation.token.session)
    .bind(rotation.token.family_hash)
    .bind(rotation.token.presented)
    .bind(rotation.successor)
    .bind(rotation.from)
    .bind(rotation.token.now)
    .bind(rotation.token.idle_end)
    .bind(rotation.token.client_id)
    .optional(db)
    .await
}

/// Uses the current refresh token of an active session again, without a successor: it lasts longer now.
pub(super) async fn reuse(db: &Db, token: &Presented<'_>) -> Result<Option<Session>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET last_seen_at = $4, refresh_expires_at = CASE WHEN expires_at < $5 THEN expires_at ELSE $5 END
          WHERE id = $1 AND family_hash = $2 AND refresh_hash = $3 AND client_id = $6 AND refresh_expires_at > $4 AND ",
        lives!("$4"),
        "
      RETURNING ",
        columns!()
    )))
    .bind(token.session)
    .bind(token.family_hash)
    .bind(token.presented)
    .bind(token.now)
    .bind(token.idle_end)
    .bind(token.client_id)
    .optional(db)
    .await
}

/// Records that the user of an active first-party session was authenticated again.
pub(super) async fn renew(
    tx: &mut Tx<'_>,
    id: SessionId,
    amr: &str,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET auth_time = $2, amr = $3, last_seen_at = $2
          WHERE id = $1 AND ",
        is_first_party!(),
        " AND ",
        lives!("$2"),
        "
      RETURNING ",
        columns!()
    )))
    .bind(id)
    .bind(now)
    .bind(amr)
    .optional(tx)
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
        "SELECT client_id, family_hash, refresh_hash, refresh_expires_at, previous_hash, rotated_at, rotated_from
           FROM sessions
          WHERE id = $1 AND family_hash IS NOT NULL"
    ))
    .bind(id)
    .optional(db)
    .await
}

/// Ends a first-party session of `account`, or of any account if it is `None`, if it had not ended.
pub(super) async fn end(
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
pub(super) async fn end_grant(tx: &mut Tx<'_>, id: SessionId, now: Timestamp) -> Result<Option<Ended>, StoreError> {
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
pub(super) async fn end_bound(tx: &mut Tx<'_>, parent: SessionId, now: Timestamp) -> Result<Vec<Ended>, StoreError> {
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
pub(super) async fn end_grants_of_account(
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
pub(super) async fn end_grants_of_client(
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
pub(super) async fn end_grants_beyond(
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

/// Moves the grants that are bound to a session to a newer one of the same account.
pub(super) async fn move_bound(tx: &mut Tx<'_>, from: SessionId, to: &Session) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE sessions
            SET parent_id = $2, expires_at = CASE WHEN expires_at < $4 THEN expires_at ELSE $4 END
          WHERE parent_id = $1 AND bound AND revoked_at IS NULL AND account_id = $3"
    ))
    .bind(from)
    .bind(to.id)
    .bind(to.account_id)
    .bind(to.expires_at)
    .execute(tx)
    .await
    .map(drop)
}

/// Ends all sessions of an account, grants too, except `kept`. (No session has the id of its account, so that id stands for
/// keeping none.)
pub(super) async fn end_all(
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

/// Lists the active grants of an account, newest first.
pub(super) async fn list_grants<'c>(
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
        lives!("$2"),
        "
          ORDER BY created_at DESC, id DESC"
    )))
    .bind(account)
    .bind(now)
    .all(conn)
    .await
}

/// Lists the newest active grants of a client, or of all clients.
pub(super) async fn list_grants_of_client<'c>(
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
        lives!("$2"),
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
