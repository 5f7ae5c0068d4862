//! Refresh tokens, which are columns of their session.

use countersign_store::{Db, StoreError, query, row, sql};

use super::session::{Session, columns, is_active};
use crate::core::clock::Timestamp;
use crate::core::first_party::is_first_party;
use crate::core::ids::SessionId;
use crate::features::oauth::clients::is_enabled;
use crate::features::sign_in::sessions::refresh_token::{FamilyHash, RefreshHash, SpenderHash};

row! {
    /// The refresh tokens of a session: hashes of the family secret, the current secret and the previous one.
    pub(in super::super) struct Family {
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
pub(in super::super) struct NewFamily {
    pub family_hash: FamilyHash,
    pub refresh_hash: RefreshHash,
    pub refresh_expires_at: Timestamp,
}

/// A presented refresh token.
pub(in super::super) struct Presented<'a> {
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
pub(in super::super) struct Rotation<'a> {
    pub token: Presented<'a>,
    pub successor: RefreshHash,
    pub from: SpenderHash,
}

/// SQL: the client of a session is enabled, as the first party always is.
macro_rules! client_may_be_used {
    () => {
        concat!("(", is_first_party!(), " OR ", is_enabled!("sessions.client_id"), ")")
    };
}

/// Exchanges the current refresh token of an active session for its successor. This is one statement, which checks
/// everything and changes no indexed column.
pub(in super::super) async fn rotate(db: &Db, rotation: &Rotation<'_>) -> Result<Option<Session>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET refresh_hash = $4, previous_hash = refresh_hash, rotated_from = $5, rotated_at = $6, last_seen_at = $6,
                refresh_expires_at = CASE WHEN expires_at < $7 THEN expires_at ELSE $7 END
          WHERE id = $1 AND family_hash = $2 AND refresh_hash = $3 AND client_id = $8 AND refresh_expires_at > $6 AND ",
        is_active!("$6"),
        " AND ",
        client_may_be_used!(),
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
pub(in super::super) async fn reuse(db: &Db, token: &Presented<'_>) -> Result<Option<Session>, StoreError> {
    query(sql!(concat!(
        "UPDATE sessions
            SET last_seen_at = $4, refresh_expires_at = CASE WHEN expires_at < $5 THEN expires_at ELSE $5 END
          WHERE id = $1 AND family_hash = $2 AND refresh_hash = $3 AND client_id = $6 AND refresh_expires_at > $4 AND ",
        is_active!("$4"),
        " AND ",
        client_may_be_used!(),
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

/// Returns the refresh tokens of a session, active or not. `None` for a browser session, which has a cookie instead.
pub(in super::super) async fn find_family(db: &Db, id: SessionId) -> Result<Option<Family>, StoreError> {
    query(sql!(
        "SELECT client_id, family_hash, refresh_hash, refresh_expires_at, previous_hash, rotated_at, rotated_from
           FROM sessions
          WHERE id = $1 AND family_hash IS NOT NULL"
    ))
    .bind(id)
    .optional(db)
    .await
}
