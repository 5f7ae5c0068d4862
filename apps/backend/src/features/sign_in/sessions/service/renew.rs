//! Sessions that go on: after another proof of who the user is, and after another sign-in in the same browser.

use countersign_store::{StoreError, Tx};

use super::Sessions;
use super::active::lock_active;
use super::end::end;
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::{SessionId, SessionRef};
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::sessions::store::{self, Session};

/// Records that the user of a session was authenticated again, now and by these methods (RFC 8176). The session stays the
/// same; the caller gives it a new cookie. `None` if it has ended.
pub async fn renew(
    tx: &mut Tx<'_>,
    session: SessionId,
    amr: &str,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    store::renew(tx, session, amr, now).await
}

impl Sessions {
    /// Ends the previous session of a browser that has signed in again. If it is the same account, the grants that were
    /// bound to it are bound to the new one: the user stays signed in to their applications.
    pub async fn replace(&self, before: SessionRef, after: SessionId, caller: &Caller) -> Result<(), StoreError> {
        let now = self.platform.clock.now();
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    // A session that was ended meanwhile takes nothing over.
                    let new = lock_active(tx, after, now).await?;
                    if let Some(new) = new.filter(|new| new.account_id == before.account && new.id != before.session) {
                        store::move_bound(tx, before.session, &new).await?;
                    }
                    if let Some(account) = end(tx, before.session, Some(before.account), now).await? {
                        let event = Event::new(EventKind::SessionRevoked, account, caller).session(before.session);
                        self.audit.record(tx, event).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}
