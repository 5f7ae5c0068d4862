//! Consecutive wrong passwords: how many an account allows, which clients may continue after that, and what is recorded.
//! Signing in and confirming a password count alike.

use std::time::Duration;

use countersign_store::StoreError;
use uuid::Uuid;

use super::Auth;
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts::{self, StoredCredentials};
use crate::features::identity::devices;
use crate::features::operations::audit::{Event, EventKind};

/// NIST SP 800-63B-4 §3.2.2: the maximum number of consecutive failures on one account.
const TRIED_TOO_OFTEN: u32 = 100;
/// One failure is forgiven every half hour, so that no account is locked forever. That leaves 48 guesses a day, too
/// few to succeed given the rate limits and the list of common passwords.
const FORGIVEN_AFTER: Duration = Duration::from_secs(30 * 60);

impl Auth {
    /// Returns whether a verdict counts. Others may have failed while this password was waiting to be hashed, so this check
    /// ensures that concurrent attempts cannot exceed the limit. Takes the same steps whether the password is right or
    /// wrong, and for a nonexistent account.
    pub(super) async fn still_may_try(
        &self,
        account: Option<AccountId>,
        request: &RequestInfo,
    ) -> Result<bool, StoreError> {
        let asked = account.unwrap_or(AccountId(Uuid::nil()));
        match accounts::credentials_by_id(&self.platform.db, asked).await? {
            Some(stored) => self.may_try_from(&stored, request).await,
            None => Ok(false),
        }
    }

    /// Returns whether the client may try a password. After too many consecutive failures, only known devices and networks
    /// with a recent sign-in may.
    pub(super) async fn may_try_from(
        &self,
        stored: &StoredCredentials,
        request: &RequestInfo,
    ) -> Result<bool, StoreError> {
        if !stored
            .failures_until
            .is_some_and(|until| is_full(until, self.platform.clock.now()))
        {
            return Ok(true);
        }
        let Some(prefix) = request.prefix() else {
            return Ok(true);
        };
        Ok(
            devices::is_known(&self.platform.db, stored.id, request, self.platform.clock.now()).await?
                || self.sessions.signed_in_lately(stored.id, prefix).await?,
        )
    }
}

/// Returns whether the limit is reached. Each failure extends `until` by [`FORGIVEN_AFTER`].
fn is_full(until: Timestamp, now: Timestamp) -> bool {
    until > now + FORGIVEN_AFTER * (TRIED_TOO_OFTEN - 1)
}

impl Auth {
    /// Counts a failure and records it, in its own transaction that is never rolled back. Takes the same steps for an
    /// unknown account. When the limit is reached, the account's owner is notified.
    pub(super) async fn record_failure(
        &self,
        kind: EventKind,
        stored: Option<&StoredCredentials>,
        caller: &Caller,
    ) -> Result<(), StoreError> {
        let account = stored.map(|stored| stored.id);
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let now = self.platform.clock.now();
                    let full = now + FORGIVEN_AFTER * (TRIED_TOO_OFTEN - 1);
                    let step = i64::try_from(FORGIVEN_AFTER.as_millis()).unwrap_or(i64::MAX);
                    let id = account.unwrap_or(AccountId(Uuid::nil()));
                    let until = accounts::count_failure(tx, id, now, full, step).await?;
                    if let (Some(stored), Some(true)) = (stored, until.map(|until| is_full(until, now))) {
                        self.notify_of_failures(tx, stored.id, &stored.email).await?;
                    }
                    // A signed-in client has not proved its identity here either.
                    let event = Event::new(kind, account, caller).refused().by_anyone();
                    self.audit.record(tx, event).await
                })
            })
            .await
    }
}
