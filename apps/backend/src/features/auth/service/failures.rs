//! Wrong passwords in a row: how many an account takes, who may go on after that, and what each leaves behind. Signing in and
//! proving a password once more count alike.

use std::time::Duration;

use countersign_store::StoreError;
use uuid::Uuid;

use super::Auth;
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::core::request_info::RequestInfo;
use crate::features::accounts::{self, StoredCredentials};
use crate::features::audit::{Event, EventKind};
use crate::features::devices;

/// NIST SP 800-63B-4 §3.2.2: no more failures in a row than this on one account.
const TRIED_TOO_OFTEN: u32 = 100;
/// One of them is forgiven each half hour, so that no account is shut for good: forty-eight guesses a day, which limits and
/// the list of common passwords make hopeless.
const FORGIVEN_AFTER: Duration = Duration::from_secs(30 * 60);

impl Auth {
    /// Whether a verdict counts that was just found. While the password waited to be hashed others may have failed, and of any
    /// number at once no more are judged than may fail in a row. Right or wrong, and for no account, it makes the same steps.
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

    /// After too many failures in a row, only devices that are known and networks that signed in lately may go on trying.
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

/// Whether there are as many failures as may be: one more would be forgiven later than that many are.
fn is_full(until: Timestamp, now: Timestamp) -> bool {
    until > now + FORGIVEN_AFTER * (TRIED_TOO_OFTEN - 1)
}

impl Auth {
    /// Counts a failure and records it, in a transaction of its own that nothing rolls back. For an unknown account it
    /// makes the same steps. The failure after which no more are judged is told to the account's owner.
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
                    // Also one who is signed in has not proven here who they are.
                    let event = Event::new(kind, account, caller).refused().by_anyone();
                    self.audit.record(tx, event).await
                })
            })
            .await
    }
}
