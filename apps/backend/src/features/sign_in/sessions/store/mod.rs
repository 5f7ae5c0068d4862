//! The rows of `sessions`. Checks of a session's account are part of the same statement.

mod end;
mod list;
mod tokens;

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};

pub(super) use end::{
    Ended, end, end_all, end_beyond, end_bound, end_grant, end_grants_beyond, end_grants_of_account,
    end_grants_of_client, end_some, remove_ended_sessions,
};
pub(super) use list::{list_grants, list_grants_of_client, list_live, opened_from};
pub(super) use tokens::{NewFamily, Presented, Rotation, find_family, reuse, rotate};

use crate::core::clock::Timestamp;
use crate::core::first_party::{FIRST_PARTY_CLIENT, is_first_party};
use crate::core::ids::{AccountId, SessionId};
use crate::core::versions::SessionEpoch;
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

use columns;

/// SQL: the session is active at the time `$now`: it has not ended, its account is in its epoch, and so is the browser
/// session that a bound grant ends with.
macro_rules! lives {
    ($now:literal) => {
        concat!(
            "revoked_at IS NULL AND expires_at > ",
            $now,
            " AND epoch = ",
            crate::features::identity::accounts::session_epoch_of!("sessions.account_id"),
            " AND (NOT bound
                   OR EXISTS (SELECT 1 FROM sessions parent
                               WHERE parent.id = sessions.parent_id AND parent.revoked_at IS NULL
                                 AND parent.expires_at > ",
            $now,
            "))"
        )
    };
}

use lives;

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
