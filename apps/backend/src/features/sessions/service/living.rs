//! Whether a session lives: its own row, its end, its account, its account's epoch. Every door asks here.

use countersign_store::{Db, StoreError, Tx};

use crate::core::clock::Timestamp;
use crate::core::ids::SessionId;
use crate::features::sessions::store::{self, Session};

/// The session, if it lives now.
pub async fn find_living(db: &Db, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
    store::find_live(db, id, now).await
}

/// The session, if it lives, locked until the transaction ends: whoever ends it comes before, or waits.
pub async fn lock_living(tx: &mut Tx<'_>, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
    store::lock_live(tx, id, now).await
}
