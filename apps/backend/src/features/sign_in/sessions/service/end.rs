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
use crate::features::oauth::backchannel_logout;
use crate::features::oauth::consents;
use crate::features::operations::audit::{self, Event, EventKind};
use crate::features::sign_in::revocation::{self, Bit, RevokingTx};
use crate::features::sign_in::sessions::refresh_token::RefreshToken;
use crate::features::sign_in::sessions::store::{self, Ended, Session};

/// The number of sessions ended per statement.
const BATCH: i64 = 5_000;
/// The number of grants of a client ended per transaction.
const GRANT_BATCH: i64 = 500;

impl Sessions {
    /// Ends a first-party session of `account`, or of any account if it is `None` (for the operator). Returns whether the
    /// session had not ended.
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

/// Whether the client of a grant that ends is notified (OpenID Connect Back-Channel Logout 1.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutNotice {
    /// The user signs out, or withdraws what the client was allowed.
    Send,
    /// The client caused it, or it is not a sign-out.
    Omit,
}

/// Ends a first-party session of `account` (or of any) within a transaction, if it had not ended, and the grants that are
/// bound to it. Returns its account.
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
    end_with_bound(tx, vec![ended.bit()], &[session], now).await?;
    Ok(Some(ended.account_id))
}

/// Revokes the bits of first-party sessions that have ended in this transaction, and ends the grants bound to them.
pub(super) async fn end_with_bound(
    tx: &mut RevokingTx<'_, '_, '_>,
    bits: Vec<Bit>,
    sessions: &[SessionId],
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.revoke(bits, now).await?;
    for session in sessions {
        let bound = store::end_bound(tx, *session, now).await?;
        end_rows(tx, &bound, LogoutNotice::Send, now).await?;
    }
    Ok(())
}

/// Revokes the bits of sessions whose rows have ended in this transaction, and queues logout notices for the grants among
/// them.
pub(super) async fn end_rows(
    tx: &mut RevokingTx<'_, '_, '_>,
    ended: &[Ended],
    notice: LogoutNotice,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.revoke(ended.iter().map(Ended::bit).collect(), now).await?;
    if notice == LogoutNotice::Send {
        let grants: Vec<_> = ended.iter().filter_map(Ended::grant).collect();
        backchannel_logout::queue(tx, &grants, now).await?;
    }
    Ok(())
}

/// Ends all sessions of an account except `kept`, including those being opened at the moment: the account gets a new
/// session epoch, and only `kept` is moved into it. Also ends all of its grants, and forgets its known devices. Returns the
/// number of ended sessions and grants.
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
    end_rows(tx, &ended, LogoutNotice::Send, now).await?;
    Ok(ended.len())
}

/// Ends a grant within a transaction, without a logout notice: its client is at fault, or asked for it. Returns whether it had
/// not ended.
pub async fn end_grant(tx: &mut RevokingTx<'_, '_, '_>, grant: SessionId, now: Timestamp) -> Result<bool, StoreError> {
    Ok(end_grant_returning_account(tx, grant, now).await?.is_some())
}

/// Like [`end_grant`]; returns the account.
pub(super) async fn end_grant_returning_account(
    tx: &mut RevokingTx<'_, '_, '_>,
    grant: SessionId,
    now: Timestamp,
) -> Result<Option<AccountId>, StoreError> {
    let Some(ended) = store::end_grant(tx, grant, now).await? else {
        return Ok(None);
    };
    fail::fail_point!("end::ended");
    tx.revoke(vec![ended.bit()], now).await?;
    Ok(Some(ended.account_id))
}

/// Ends the grants of a user's client, with logout notices: the user withdraws what it was allowed. Returns their number.
pub async fn end_grants(
    tx: &mut RevokingTx<'_, '_, '_>,
    account: AccountId,
    client_id: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let ended = store::end_grants_of_account(tx, account, Some(client_id), now).await?;
    end_rows(tx, &ended, LogoutNotice::Send, now).await?;
    Ok(ended.len())
}

impl Sessions {
    /// Ends a grant. Returns whether it had not ended.
    pub async fn revoke_grant(
        &self,
        grant: SessionId,
        notice: LogoutNotice,
        caller: &Caller,
    ) -> Result<bool, StoreError> {
        let now = self.platform.clock.now();
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let Some(ended) = store::end_grant(tx, grant, now).await? else {
                        return Ok(false);
                    };
                    let rows = std::slice::from_ref(&ended);
                    end_rows(tx, rows, notice, now).await?;
                    self.audit.record(tx, grant_ended(&ended, caller)).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// Ends the grants of a user's clients, or of one of them, and forgets the consents. Returns the number of grants. The caller
    /// voids the authorization codes in the same transaction.
    pub async fn revoke_grants(
        &self,
        tx: &mut RevokingTx<'_, '_, '_>,
        account: AccountId,
        client_id: Option<&str>,
        caller: &Caller,
    ) -> Result<usize, StoreError> {
        let now = self.platform.clock.now();
        let ended = store::end_grants_of_account(tx, account, client_id, now).await?;
        end_rows(tx, &ended, LogoutNotice::Send, now).await?;
        for consent in consents::of_account(&mut *tx, account).await? {
            if client_id.is_none_or(|client_id| consent.client_id == client_id) {
                consents::withdraw(tx, account, &consent.client_id).await?;
            }
        }
        for grant in &ended {
            self.audit.record(tx, grant_ended(grant, caller)).await?;
        }
        Ok(ended.len())
    }

    /// Ends all grants of a client, in batches. Returns their number. The caller has voided the client's codes, so that no
    /// grant is opened with them meanwhile.
    ///
    /// # Errors
    /// If the database failed. What was already ended stays ended; call it again.
    pub async fn revoke_grants_of_client(
        &self,
        client_id: &str,
        notice: LogoutNotice,
        caller: &Caller,
    ) -> Result<u64, StoreError> {
        let mut ended = 0;
        loop {
            match self.revoke_some_of_client(client_id, notice, caller).await? {
                0 => return Ok(ended),
                some => ended += some,
            }
        }
    }

    /// Ends up to [`GRANT_BATCH`] grants of a client.
    pub(in crate::features::sign_in::sessions) async fn revoke_some_of_client(
        &self,
        client_id: &str,
        notice: LogoutNotice,
        caller: &Caller,
    ) -> Result<u64, StoreError> {
        let now = self.platform.clock.now();
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let ended = store::end_grants_of_client(tx, client_id, now, GRANT_BATCH).await?;
                    end_rows(tx, &ended, notice, now).await?;
                    for grant in &ended {
                        self.audit.record(tx, grant_ended(grant, caller)).await?;
                    }
                    Ok(u64::try_from(ended.len()).unwrap_or(0))
                })
            })
            .await
    }

    /// Lists the newest active grants of a client, or of all clients. The command line calls it.
    pub async fn list_grants(&self, client_id: Option<&str>, limit: i64) -> Result<Vec<Session>, StoreError> {
        store::list_grants_of_client(&self.platform.db, client_id, self.platform.clock.now(), limit).await
    }
}

fn grant_ended<'a>(ended: &Ended, caller: &'a Caller) -> Event<'a> {
    Event::new(EventKind::GrantEnded, ended.account_id, caller)
        .session(ended.id)
        .detail(&*ended.client_id)
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
        store::list_active(&self.platform.db, account, self.platform.clock.now()).await
    }
}
