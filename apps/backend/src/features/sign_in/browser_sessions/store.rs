//! The rows of `browser_sessions`.

use countersign_store::{Conn, Db, FromRow, Row, StoreError, Tx, query, sql};

use super::secret::CookieHash;
use crate::core::clock::Timestamp;
use crate::core::ids::SessionId;
use crate::features::identity::accounts::{Account, JoinedAccount, joined_account};
use crate::features::sign_in::sessions::{Session, is_active, join_session, joined_session};
use crate::settings::Origin;

/// What a cookie stands for.
pub(super) struct Found {
    pub session: Session,
    pub account: Account,
    /// When the cookie expires.
    pub expires_at: Timestamp,
}

impl FromRow for Found {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let session = Session::from_row(row)?;
        Ok(Self {
            account: JoinedAccount::from_row(row)?.with_id(session.account_id),
            session,
            expires_at: row.column("browser_sessions", "cookie_expires_at")?,
        })
    }
}

/// A cookie to be stored.
pub(super) struct New<'n> {
    pub hash: CookieHash,
    pub session: SessionId,
    pub origin: &'n Origin,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

pub(super) async fn insert<'c>(conn: impl Into<Conn<'c>>, new: &New<'_>) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO browser_sessions (hash, session_id, origin, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)"
    ))
    .bind(new.hash)
    .bind(new.session)
    .bind(new.origin.as_str())
    .bind(new.now)
    .bind(new.expires_at)
    .execute(conn)
    .await
    .map(drop)
}

/// Returns the session of a cookie that is valid at this origin, if it is active, and its account.
pub(super) async fn find(
    db: &Db,
    hash: CookieHash,
    origin: &Origin,
    now: Timestamp,
) -> Result<Option<Found>, StoreError> {
    query(sql!(concat!(
        "SELECT ",
        joined_session!(),
        ", ",
        joined_account!(),
        ", browser_sessions.expires_at AS cookie_expires_at
           FROM browser_sessions ",
        join_session!("browser_sessions.session_id"),
        "
          WHERE browser_sessions.hash = $1 AND browser_sessions.origin = $2 AND browser_sessions.expires_at > $3 AND ",
        is_active!("$3")
    )))
    .bind(hash)
    .bind(origin.as_str())
    .bind(now)
    .optional(db)
    .await
}

pub(super) async fn extend(db: &Db, hash: CookieHash, expires_at: Timestamp) -> Result<(), StoreError> {
    query(sql!("UPDATE browser_sessions SET expires_at = $2 WHERE hash = $1"))
        .bind(hash)
        .bind(expires_at)
        .execute(db)
        .await
        .map(drop)
}

/// Removes the cookies of a session that are valid at this origin.
pub(super) async fn remove_of(tx: &mut Tx<'_>, session: SessionId, origin: &Origin) -> Result<(), StoreError> {
    query(sql!(
        "DELETE FROM browser_sessions WHERE session_id = $1 AND origin = $2"
    ))
    .bind(session)
    .bind(origin.as_str())
    .execute(tx)
    .await
    .map(drop)
}

/// Removes up to `limit` cookies that expired before `now`.
pub(super) async fn remove_ended(conn: impl Into<Conn<'_>>, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM browser_sessions
          WHERE hash IN (SELECT hash FROM browser_sessions WHERE expires_at < $1 LIMIT $2)"
    ))
    .bind(now)
    .bind(limit)
    .execute(conn)
    .await
}
