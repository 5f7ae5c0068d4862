//! Consecutive wrong passwords: how many an account allows, which clients may continue after that, and what is recorded.
//! Signing in and confirming a password count alike.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use countersign_store::{StoreError, Tx};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use super::Auth;
use super::attempt::Attempt;
use crate::core::caller::Caller;
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::core::password::Lane;
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts::{self, StoredCredentials};
use crate::features::operations::audit::{Event, EventKind};

/// NIST SP 800-63B-4 §3.2.2: the maximum number of consecutive failures on one account.
const TRIED_TOO_OFTEN: u32 = 100;
/// One failure is forgiven every half hour, so that no account is locked forever. That leaves 48 guesses a day, too
/// few to succeed given the rate limits and the list of common passwords.
const FORGIVEN_AFTER: Duration = Duration::from_secs(30 * 60);

/// The locks of [`Turns`]. Accounts that share one wait for each other, for as long as a verdict takes to be written.
const TURNS: usize = 256;

/// Lets the verdicts on one account take effect one at a time, so that each finds the failures before it in the database.
/// Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Turns {
    locks: Arc<[Mutex<()>]>,
    /// Has random keys, so that a client cannot choose email addresses that share a lock.
    hasher: RandomState,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            locks: (0..TURNS).map(|_| Mutex::new(())).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Turns {
    /// Waits until the earlier verdicts on the email address of this attempt have been written. The account need not exist.
    pub(super) async fn wait(&self, attempt: &Attempt) -> MutexGuard<'_, ()> {
        let turn = self.hasher.hash_one(&attempt.subject) % TURNS as u64;
        self.locks[usize::try_from(turn).unwrap_or_default()].lock().await
    }
}

/// Returns whether failures from elsewhere have no effect on the client: it uses a known device or network.
pub(super) fn is_exempt(lane: Lane, request: &RequestInfo) -> bool {
    matches!(lane, Lane::Known(_)) || request.prefix().is_none()
}

impl Auth {
    /// Returns whether the client may try a password. After too many consecutive failures, only exempt clients may.
    pub(super) fn may_try(&self, stored: &StoredCredentials, exempt: bool) -> bool {
        let now = self.platform.clock.now();
        exempt || !stored.failures_until.is_some_and(|until| is_full(until, now))
    }

    /// Returns whether a verdict counts. Others may have failed while this password was waiting to be hashed, so this check
    /// ensures that concurrent attempts cannot exceed the limit. Takes the same steps whether the password is right or
    /// wrong, and for a nonexistent account.
    pub(super) async fn still_may_try(&self, account: Option<AccountId>, exempt: bool) -> Result<bool, StoreError> {
        let asked = account.unwrap_or(AccountId(Uuid::nil()));
        let stored = accounts::credentials_by_id(&self.platform.db, asked).await?;
        Ok(stored.is_some_and(|stored| self.may_try(&stored, exempt)))
    }

    /// Returns whether a right password is accepted, in the transaction that accepts it: another node may have counted the
    /// last failure since [`Self::still_may_try`].
    pub(super) async fn accepts(&self, tx: &mut Tx<'_>, account: AccountId, exempt: bool) -> Result<bool, StoreError> {
        let full = self.platform.clock.now() + FORGIVEN_AFTER * (TRIED_TOO_OFTEN - 1);
        Ok(exempt || accounts::lock_unless_full(tx, account, full).await?)
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
        fail::fail_point!("login::failed");
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
