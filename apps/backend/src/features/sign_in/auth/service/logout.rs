//! Signing out: here, by a refresh token, or everywhere.
//!
//! By the API at `/api/auth/logout` (with a bearer token, a refresh token or both) and `/logout-all`, on the pages at `/signout` and
//! `/account/sessions`. Ending one session of a list, there and at `DELETE /api/auth/sessions/{id}`, and what an operator ends
//! are use cases of `sessions` and of `Operator`.

use countersign_store::StoreError;

use super::Auth;
use crate::core::caller::Caller;
use crate::core::ids::{AccountId, SessionId, SessionRef};
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::sessions::{self, RefreshToken};

impl Auth {
    /// Ends the current session. Succeeds too if it had already ended.
    ///
    /// # Errors
    /// If the database failed; the session may still be active then.
    pub async fn logout(&self, by: SessionRef, caller: &Caller) -> Result<(), StoreError> {
        self.sessions
            .revoke(by.session, Some(by.account), caller)
            .await
            .map(drop)
    }

    /// Ends the previous session of a browser that has signed in again. If it is the same account, the grants that were
    /// bound to it are bound to the new session.
    ///
    /// # Errors
    /// If the database failed; the previous session may still be active then.
    pub async fn replace_session(
        &self,
        before: SessionRef,
        after: SessionId,
        caller: &Caller,
    ) -> Result<(), StoreError> {
        self.sessions.replace(before, after, caller).await
    }

    /// Ends the session of a refresh token. Returns whether there is such a session.
    pub async fn logout_by_refresh_token(&self, presented: &RefreshToken, caller: &Caller) -> Result<bool, StoreError> {
        self.sessions.revoke_by_refresh_token(presented, caller).await
    }

    /// Ends every session of the account, including one being opened at the moment. Returns their number.
    pub async fn logout_all(&self, account: AccountId, caller: &Caller) -> Result<usize, StoreError> {
        let now = self.platform.clock.now();
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let ended = sessions::end_all(tx, account, None, now).await?;
                    if ended > 0 {
                        self.audit
                            .record(tx, Event::new(EventKind::SessionsRevoked, account, caller))
                            .await?;
                    }
                    Ok(ended)
                })
            })
            .await
    }
}
