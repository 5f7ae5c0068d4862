//! The rows of `authorization_requests` and `authorization_codes`.

pub(super) mod codes;

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};

use crate::core::clock::Timestamp;
use crate::core::handle::HandleHash;
use crate::core::ids::{AuthorizationRequestId, SessionId};

row! {
    /// A request that a browser is answering.
    #[derive(Clone)]
    pub(super) struct RequestRow {
        pub id: AuthorizationRequestId,
        pub client_id: String,
        /// The checked request, as JSON.
        pub request: String,
        /// The session that is answering; `None` until someone is signed in.
        pub session_id: Option<SessionId>,
        pub chosen_at: Option<Timestamp>,
        pub consented_at: Option<Timestamp>,
        pub clicked_at: Option<Timestamp>,
        pub created_at: Timestamp,
        pub expires_at: Timestamp,
    }
}

/// The answer of a user to one of the pages, by the column that notes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Chosen,
    Consented,
    Clicked,
}

/// Removes all requests and codes, whether or not they were answered or spent.
pub(super) async fn void_all(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    query(sql!("DELETE FROM authorization_requests"))
        .execute(&mut *tx)
        .await?;
    query(sql!("DELETE FROM authorization_codes"))
        .execute(tx)
        .await
        .map(drop)
}

pub(super) async fn insert(db: &Db, row: &RequestRow, browser: HandleHash) -> Result<(), StoreError> {
    query(sql!(
        "INSERT INTO authorization_requests (id, client_id, request, browser_hash, session_id, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)"
    ))
    .bind(row.id)
    .bind(&*row.client_id)
    .bind(&*row.request)
    .bind(browser)
    .bind(row.session_id)
    .bind(row.created_at)
    .bind(row.expires_at)
    .execute(db)
    .await
    .map(drop)
}

/// Returns a request of this browser that has not been answered.
pub(super) async fn find<'c>(
    conn: impl Into<Conn<'c>>,
    id: AuthorizationRequestId,
    browser: HandleHash,
    now: Timestamp,
) -> Result<Option<RequestRow>, StoreError> {
    query(sql!(
        "SELECT id, client_id, request, session_id, chosen_at, consented_at, clicked_at, created_at, expires_at
           FROM authorization_requests
          WHERE id = $1 AND browser_hash = $2 AND spent_at IS NULL AND expires_at > $3"
    ))
    .bind(id)
    .bind(browser)
    .bind(now)
    .optional(conn)
    .await
}

/// Notes which session is answering. Answers of another session are discarded.
pub(super) async fn begin_with(
    db: &Db,
    id: AuthorizationRequestId,
    session: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE authorization_requests
            SET session_id = $2, chosen_at = NULL, consented_at = NULL, clicked_at = NULL
          WHERE id = $1 AND spent_at IS NULL AND expires_at > $3 AND (session_id IS NULL OR session_id <> $2)"
    ))
    .bind(id)
    .bind(session)
    .bind(now)
    .execute(db)
    .await
    .map(drop)
}

/// Notes an answer of the session that is answering. Returns whether it still is.
pub(super) async fn note(
    conn: impl Into<Conn<'_>>,
    id: AuthorizationRequestId,
    session: SessionId,
    answer: Answer,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let statement = match answer {
        Answer::Chosen => sql!(
            "UPDATE authorization_requests SET chosen_at = $3
              WHERE id = $1 AND session_id = $2 AND spent_at IS NULL AND expires_at > $3"
        ),
        Answer::Consented => sql!(
            "UPDATE authorization_requests SET consented_at = $3
              WHERE id = $1 AND session_id = $2 AND spent_at IS NULL AND expires_at > $3"
        ),
        Answer::Clicked => sql!(
            "UPDATE authorization_requests SET clicked_at = $3
              WHERE id = $1 AND session_id = $2 AND spent_at IS NULL AND expires_at > $3"
        ),
    };
    let noted = query(statement).bind(id).bind(session).bind(now).execute(conn).await?;
    Ok(noted > 0)
}

/// Spends a request for a code. Returns what the session has answered, or `None` if the request was spent before, has
/// expired, or is being answered by another session.
pub(super) async fn spend(
    tx: &mut Tx<'_>,
    id: AuthorizationRequestId,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<RequestRow>, StoreError> {
    query(sql!(
        "UPDATE authorization_requests
            SET spent_at = $3
          WHERE id = $1 AND session_id = $2 AND spent_at IS NULL AND expires_at > $3
      RETURNING id, client_id, request, session_id, chosen_at, consented_at, clicked_at, created_at, expires_at"
    ))
    .bind(id)
    .bind(session)
    .bind(now)
    .optional(tx)
    .await
}

/// Spends a request for an error. Returns whether it was not spent before.
pub(super) async fn refuse(
    conn: impl Into<Conn<'_>>,
    id: AuthorizationRequestId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let spent = query(sql!(
        "UPDATE authorization_requests SET spent_at = $2 WHERE id = $1 AND spent_at IS NULL AND expires_at > $2"
    ))
    .bind(id)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(spent > 0)
}

/// Removes up to `limit` requests that expired before `before`.
pub(super) async fn remove_ended(conn: impl Into<Conn<'_>>, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM authorization_requests
          WHERE id IN (SELECT id FROM authorization_requests WHERE expires_at < $1 LIMIT $2)"
    ))
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await
}
