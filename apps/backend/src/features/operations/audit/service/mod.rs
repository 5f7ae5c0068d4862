//! Records events.

mod error;
mod keeping;
mod reading;
mod sealing;
mod shipping;
mod witness;

use std::sync::Arc;

use countersign_store::{Db, StoreError, Tx};
use futures_util::future::BoxFuture;

pub use self::error::SealError;
pub use self::reading::{Piece, VerifyError, Waiting, verify_piece};
use self::witness::Witness;
use super::event::{Event, Filter};
use super::store::{self, Entry, people};
use crate::core::clock::{Clock, Timestamp};
use crate::core::ids::{AccountId, AuditId};
use crate::core::platform::Platform;
use crate::core::random::SecureRandom;
use crate::core::refusals::Refusals;
use crate::features::operations::keys::Keys;

/// The audit log. Cloning is cheap.
#[derive(Clone)]
pub struct Audit {
    platform: Platform,
    keys: Keys,
    refusals: Refusals,
    accounts: AccountLookup,
    witness: Arc<Witness>,
}

/// The result of an account lookup.
pub type Lookup<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Account lookups. Accounts are a feature above this one, so these functions are passed in.
#[derive(Clone, Copy)]
pub struct AccountLookup {
    /// Whether an account with this id exists.
    pub has: for<'a> fn(&'a Db, AccountId) -> Lookup<'a, bool>,
    /// The ids of accounts after this one, in order, up to a limit.
    pub ids: for<'a> fn(&'a Db, AccountId, i64) -> Lookup<'a, Vec<AccountId>>,
}

impl Audit {
    /// Creates the log of this database, which records the counts of `refusals`.
    pub fn new(platform: Platform, keys: Keys, refusals: Refusals, accounts: AccountLookup) -> Self {
        Self {
            platform,
            keys,
            refusals,
            accounts,
            witness: Arc::default(),
        }
    }
}

impl Audit {
    /// Records an event in the transaction of its change, so that both or neither exist.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn record(&self, tx: &mut Tx<'_>, event: Event<'_>) -> Result<(), StoreError> {
        record_at(tx, self.platform.clock.now(), &event).await
    }
}

/// The same without the log, for commands that use only a database.
///
/// # Errors
/// Any error of the database.
pub async fn record_at(tx: &mut Tx<'_>, now: Timestamp, event: &Event<'_>) -> Result<(), StoreError> {
    store::insert(tx, AuditId::new(now, SecureRandom), now, event).await?;
    match event.about_administrator() {
        Some(second) => store::insert(tx, AuditId::new(now, SecureRandom), now, &second).await,
        None => Ok(()),
    }
}

impl Audit {
    /// Schedules a deleted account to be forgotten: some minutes later, its entries can no longer be attributed.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn forget(&self, tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
        people::ask_erasure(tx, account, self.platform.clock.now()).await
    }

    /// Returns the entries that match a filter, newest first.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Entry>, StoreError> {
        store::list(&self.platform.db, filter).await
    }
}

/// Records an event in its own transaction.
///
/// # Errors
/// Any error of the database.
pub async fn record_alone(db: &Db, clock: &Clock, event: Event<'_>) -> Result<(), StoreError> {
    let (now, event) = (clock.now(), &event);
    db.transact(|tx| Box::pin(async move { record_at(tx, now, event).await }))
        .await
}
