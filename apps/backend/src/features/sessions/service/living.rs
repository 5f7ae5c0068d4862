//! Whether a session lives: its own row, its end, its account, its account's epoch. Every door asks here.

use countersign_store::{Db, StoreError, Tx};

use crate::core::clock::Timestamp;
use crate::core::ids::SessionId;
use crate::features::accounts::{self, AccountVersions};
use crate::features::sessions::store::{self, Session};

/// The session, if it lives now.
pub async fn find_living(db: &Db, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
    let Some(session) = store::find_live(db, id, now).await? else {
        return Ok(None);
    };
    let versions = accounts::may_sign_in(db, session.account_id).await?;
    Ok(of_this_epoch(session, versions))
}

/// The session, if it lives, locked until the transaction ends: whoever ends it comes before, or waits.
pub async fn lock_living(tx: &mut Tx<'_>, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
    let Some(session) = store::lock_live(tx, id, now).await? else {
        return Ok(None);
    };
    let versions = accounts::may_sign_in(tx, session.account_id).await?;
    Ok(of_this_epoch(session, versions))
}

fn of_this_epoch(session: Session, versions: Option<AccountVersions>) -> Option<Session> {
    let epoch = versions?.session_epoch;
    (session.epoch == epoch).then_some(session)
}
