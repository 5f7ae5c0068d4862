//! Whether a session is active: its row, its expiry, its account and its account's epoch. All entry points use this.

use countersign_store::{Db, StoreError, Tx};

use crate::core::clock::Timestamp;
use crate::core::ids::SessionId;
use crate::features::sign_in::sessions::store::{self, Session};

/// Returns the session if it is active.
pub async fn find_living(db: &Db, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
    store::find_live(db, id, now).await
}

/// Records that an active session was used.
pub async fn saw(db: &Db, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
    store::saw(db, id, now).await
}

/// Returns the session if it is active, locked until the transaction ends, so that it cannot be ended in between.
pub async fn lock_living(tx: &mut Tx<'_>, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
    store::lock_live(tx, id, now).await
}
