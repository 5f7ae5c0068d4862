//! How events are recorded.

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
use crate::features::keys::Keys;

/// The audit log. Cloning it is cheap.
#[derive(Clone)]
pub struct Audit {
    platform: Platform,
    keys: Keys,
    refusals: Refusals,
    accounts: AccountLookup,
    witness: Arc<Witness>,
}

/// The answer to a question about accounts.
pub type Lookup<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// How accounts are looked up. They are a feature above this one, so the log is told how.
#[derive(Clone, Copy)]
pub struct AccountLookup {
    /// Whether there is an account with this id.
    pub has: for<'a> fn(&'a Db, AccountId) -> Lookup<'a, bool>,
    /// The ids of the accounts behind this one, in their order; so many at most.
    pub ids: for<'a> fn(&'a Db, AccountId, i64) -> Lookup<'a, Vec<AccountId>>,
}

impl Audit {
    /// The log of this database, which writes down what `refusals` counts.
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
    /// Writes an event into the transaction that does what it tells of: both are there, or neither.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn record(&self, tx: &mut Tx<'_>, event: Event<'_>) -> Result<(), StoreError> {
        record_at(tx, self.platform.clock.now(), &event).await
    }
}

/// The same, without the log: in a command that works on a database alone.
///
/// # Errors
/// Those of the database.
pub async fn record_at(tx: &mut Tx<'_>, now: Timestamp, event: &Event<'_>) -> Result<(), StoreError> {
    store::insert(tx, AuditId::new(now, SecureRandom), now, event).await?;
    match event.about_administrator() {
        Some(beside) => store::insert(tx, AuditId::new(now, SecureRandom), now, &beside).await,
        None => Ok(()),
    }
}

impl Audit {
    /// Asks for an account that is being deleted to be forgotten: some minutes later nobody can tell any more whom its
    /// entries are about.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn forget(&self, tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
        people::ask_erasure(tx, account, self.platform.clock.now()).await
    }

    /// The newest entries that a filter lets through, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Entry>, StoreError> {
        store::list(&self.platform.db, filter).await
    }
}

/// Writes one event that stands alone.
///
/// # Errors
/// Those of the database.
pub async fn record_alone(db: &Db, clock: &Clock, event: Event<'_>) -> Result<(), StoreError> {
    let (now, event) = (clock.now(), &event);
    db.transact(|tx| Box::pin(async move { record_at(tx, now, event).await }))
        .await
}
