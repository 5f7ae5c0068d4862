//! Ending sessions, and listing active ones.

use countersign_store::{Db, StoreError};
use uuid::Uuid;

use super::Sessions;
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, SessionId};
use crate::core::layers::note_account;
use crate::features::identity::accounts;
use crate::features::identity::devices;
use crate::features::identity::email_challenges;
use crate::features::messaging::outbox;
use crate::features::operations::audit::{self, Event, EventKind};
use crate::features::sign_in::revocation::{self, RevokingTx};
use crate::features::sign_in::sessions::refresh_token::RefreshToken;
use crate::features::sign_in::sessions::store::{self, Ended, Session};

/// The number of sessions ended per statement.
const BATCH: i64 = 5_000;

impl Sessions {
    /// Ends a session of `account`, or of any account if it is `None` (for the operator). Returns whether the session had
    /// not ended.
    pub async fn revoke(
        &self,
        session: SessionId,
        account: Option<AccountId>,
        caller: &Caller,
    ) -> Result<bool, StoreError> {
        self.end_one(session, account, |_| caller.clone()).await
    }

    /// Ends a session, with a caller derived from its account. Returns whether the session had not ended.
    async fn end_one(
        &self,
        session: SessionId,
        account: Option<AccountId>,
        caller_for: impl Fn(AccountId) -> Caller + Sync,
    ) -> Result<bool, StoreError> {
        let caller_for = &caller_for;
        let now = self.platform.clock.now();
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let Some(account) = end(tx, session, account, now).await? else {
                        return Ok(false);
                    };
                    let caller = caller_for(account);
                    let event = Event::new(EventKind::SessionRevoked, account, &caller).session(session);
                    self.audit.record(tx, event).await?;
                    Ok(true)
                })
            })
            .await
    }
}

/// Ends a session of `account` (or of any) within a transaction, if it had not ended. Returns its account.
pub(super) async fn end(
    tx: &mut RevokingTx<'_, '_, '_>,
    session: SessionId,
    account: Option<AccountId>,
    now: Timestamp,
) -> Result<Option<AccountId>, StoreError> {
    let Some(ended) = store::end(tx, session, account, now).await? else {
        return Ok(None);
    };
    fail::fail_point!("end::ended");
    tx.revoke(vec![ended.bit()], now).await?;
    Ok(Some(ended.account_id))
}

/// Ends all sessions of an account except `kept`, including those being opened at the moment: the account gets a new
/// session epoch, and only `kept` is moved into it. Also forgets the account's known devices. Returns the number of ended
/// sessions.
pub async fn end_all(
    tx: &mut RevokingTx<'_, '_, '_>,
    account: AccountId,
    kept: Option<SessionId>,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let epoch = accounts::raise_session_epoch(tx, account, now).await?;
    if let (Some(kept), Some(epoch)) = (kept, epoch) {
        store::set_epoch(tx, kept, epoch).await?;
    }
    devices::forget_all(tx, account).await?;
    let ended = store::end_all(tx, account, kept, now).await?;
    fail::fail_point!("end::ended");
    let bits: Vec<_> = ended.iter().map(Ended::bit).collect();
    let count = bits.len();
    tx.revoke(bits, now).await?;
    Ok(count)
}

/// Ends every session of every account and begins a new generation of status lists. No token issued before is accepted any
/// more, including tokens that this database does not know of, and no emailed link works, sent or still queued. For use
/// after restoring a backup or after a compromise.
///
/// # Errors
/// If the database failed. What was already ended stays ended; call it again.
pub async fn end_everything(db: &Db, now: Timestamp, event: Event<'_>) -> Result<u64, StoreError> {
    let event = &event;
    // Emails that are queued or being composed belong to the previous epoch and become void.
    let mut last = Some(AccountId(Uuid::nil()));
    while let Some(after) = last {
        last = db
            .transact(|tx| Box::pin(async move { accounts::raise_epochs(tx, after, BATCH).await }))
            .await?;
    }
    db.transact(|tx| {
        Box::pin(async move {
            revocation::begin_generation(tx, now).await?;
            email_challenges::void_all(tx).await?;
            outbox::drop_all_queued(tx, now).await?;
            devices::forget_everybody(tx).await?;
            audit::record_at(tx, now, event).await
        })
    })
    .await?;
    let mut ended = 0;
    loop {
        match store::end_some(db, now, BATCH).await? {
            0 => return Ok(ended),
            some => ended += some,
        }
    }
}

impl Sessions {
    /// Ends the session of a refresh token, whether current or already spent. Returns whether there is such a session.
    pub async fn revoke_by_refresh_token(&self, presented: &RefreshToken, caller: &Caller) -> Result<bool, StoreError> {
        let session = presented.session();
        match store::find_family(&self.platform.db, session).await? {
            Some(family) if presented.is_of(family.family_hash) => {}
            _ => return Ok(false),
        }
        // A token of the family proves as much as the session's owner could.
        self.end_one(session, None, |owner| {
            note_account(owner);
            caller.proven(owner)
        })
        .await?;
        Ok(true)
    }

    /// Lists the active sessions of an account, newest first.
    pub async fn list(&self, account: AccountId) -> Result<Vec<Session>, StoreError> {
        store::list_live(&self.platform.db, account, self.platform.clock.now()).await
    }
}
