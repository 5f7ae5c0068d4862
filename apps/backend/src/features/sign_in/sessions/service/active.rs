//! Whether a session is active: its row, its expiry, its account and its account's epoch; of a grant also its client, and the
//! browser session that it is bound to. All entry points use this.

use countersign_store::{Conn, Db, StoreError, Tx};

use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, SessionId};
use crate::features::oauth::clients;
use crate::features::sign_in::sessions::store::{self, Session};

/// Returns the session if it is active.
pub async fn find_active(db: &Db, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
    match store::find_active(db, id, now).await? {
        Some(session) if client_may_be_used(db, &session).await? => Ok(Some(session)),
        _ => Ok(None),
    }
}

/// Returns whether a grant was opened by this account in this session of a browser, active or not.
pub async fn opened_in(db: &Db, grant: SessionId, account: AccountId, browser: SessionId) -> Result<bool, StoreError> {
    store::opened_in(db, grant, account, browser).await
}

/// Records that an active session was used.
pub async fn saw(db: &Db, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
    store::saw(db, id, now).await
}

/// Returns the session if it is active, locked until the transaction ends, so that it cannot be ended in between.
pub async fn lock_active(tx: &mut Tx<'_>, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
    match store::lock_active(tx, id, now).await? {
        Some(session) if client_may_be_used(tx, &session).await? => Ok(Some(session)),
        _ => Ok(None),
    }
}

/// Returns whether the client of a session exists and is enabled. The first party always is.
async fn client_may_be_used<'c>(conn: impl Into<Conn<'c>>, session: &Session) -> Result<bool, StoreError> {
    Ok(!session.is_grant() || clients::may_use(conn, &session.client_id).await?.is_some())
}
