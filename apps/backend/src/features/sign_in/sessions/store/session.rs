//! The row of a session, without its refresh tokens.

use countersign_store::row;

use crate::core::clock::Timestamp;
use crate::core::first_party::FIRST_PARTY_CLIENT;
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

pub(super) use columns;

/// SQL: the session is active at the time `$now`: it has not ended, and its account is still in its epoch. If it is a bound
/// grant, the browser session that it ends with has not ended either.
macro_rules! is_active {
    ($now:literal) => {
        concat!(
            "sessions.revoked_at IS NULL AND sessions.expires_at > ",
            $now,
            " AND sessions.epoch = ",
            crate::features::identity::accounts::session_epoch_of!("sessions.account_id"),
            " AND (NOT sessions.bound
                   OR EXISTS (SELECT 1 FROM sessions parent
                               WHERE parent.id = sessions.parent_id AND parent.revoked_at IS NULL
                                 AND parent.expires_at > ",
            $now,
            "))"
        )
    };
}

pub(crate) use is_active;

/// SQL: the columns of a [`Session`] in a statement that joins other tables. `browser_sessions` uses it.
macro_rules! joined_session {
    () => {
        "sessions.id AS id, sessions.account_id AS account_id, sessions.epoch AS epoch, sessions.client_id AS client_id,
                sessions.parent_id AS parent_id, sessions.bound AS bound, sessions.auth_time AS auth_time,
                sessions.grant_type AS grant_type, sessions.resources AS resources, sessions.claims AS claims,
                sessions.amr AS amr, sessions.scope AS scope, sessions.user_agent AS user_agent,
                sessions.address AS address, sessions.created_at AS created_at, sessions.last_seen_at AS last_seen_at,
                sessions.expires_at AS expires_at, sessions.status_list AS status_list,
                sessions.status_idx AS status_idx"
    };
}

pub(crate) use joined_session;

/// SQL: joins the first-party session with an id, and its account.
macro_rules! join_session {
    ($id:literal) => {
        concat!(
            "JOIN sessions ON sessions.id = ",
            $id,
            " AND sessions.",
            crate::core::first_party::is_first_party!(),
            " ",
            crate::features::identity::accounts::join_account!("sessions.account_id")
        )
    };
}

pub(crate) use join_session;

impl Session {
    /// Returns whether it is a grant of a client other than the first party.
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
