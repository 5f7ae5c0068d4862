//! The bits: handed out to sessions, set when they end, kept in memory, published.
//!
//! A revocation is committed together with what ends the session. Then it gets a number, in a transaction of its own:
//! numbers commit in their order, so a reader that has seen one has seen all before it, whoever gave them. A process
//! that dies between the two leaves that to the next who looks, some moments later.

mod allocation;
mod feed;
mod following;
mod list;
mod metrics;
mod permutation;
mod publishing;
mod transaction;
mod unconfirmed;
mod waiters;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign_guard::StatusReference;
use countersign_store::{Db, StoreError, Tx};
use tokio::sync::{Mutex, Notify};

use self::allocation::Block;
pub use self::feed::Feed;
use self::list::List;
pub use self::metrics::RevocationMetrics;
pub(super) use self::publishing::PublishError;
pub use self::transaction::RevokingTx;
use self::unconfirmed::Unconfirmed;
pub use self::waiters::WaiterLimits;
use self::waiters::Waiters;
use super::{Bit, store};
use crate::core::clock::{Clock, Timestamp};
use crate::core::random::SecureRandom;
use crate::features::keys::Keys;

/// What the operator decided about lists.
pub struct RevocationOptions {
    /// The issuer, of which each list's address begins.
    pub issuer: String,
    /// Bits in a list; a power of two.
    pub entries: u32,
    /// How long a verifier that polls may keep a list.
    pub ttl: Duration,
    /// How long a published list is valid.
    pub lifetime: Duration,
    /// How long a session lives at most.
    pub session_ttl: Duration,
    /// How many places are reserved at a time: a command needs one, a server many.
    pub block: i64,
    /// How many may wait for a change at once.
    pub waiters: WaiterLimits,
    /// How the processes wake each other.
    pub feed: Feed,
    /// What is counted of it.
    pub metrics: RevocationMetrics,
}

/// The lists, as this process knows them. Cloning it is cheap.
#[derive(Clone)]
pub struct Revocations(Arc<Parts>);

struct Parts {
    options: RevocationOptions,
    db: Db,
    keys: Keys,
    clock: Clock,
    random: SecureRandom,
    lists: RwLock<HashMap<i64, Arc<List>>>,
    block: Mutex<Option<Block>>,
    /// Up to which number all revocations are in `lists`. Held while they are brought there, or a list is added.
    followed: Mutex<i64>,
    /// How many have asked for their revocations to be numbered, and how many of them have been served.
    asked: AtomicU64,
    served: Mutex<u64>,
    /// The same number as `followed`, for the metrics.
    seen: AtomicI64,
    /// The first list of this generation, and the version of those before it.
    first_list: AtomicI64,
    first_version: AtomicI64,
    /// Somebody says that there is something new.
    woken: Notify,
    /// What they say it is, until it has been read.
    unconfirmed: Unconfirmed,
    /// Who waits for a change.
    waiters: Waiters,
}

/// The newest list, if any session was ever opened.
pub async fn newest_list(db: &Db) -> Result<Option<i64>, StoreError> {
    Ok(store::lists(db).await?.iter().map(|row| row.number).max())
}

/// Begins a new generation of lists, in the transaction that ends everything: whatever was issued before is refused
/// from now on, by this server and by every verifier, also what this database never knew of. Servers learn of it at their
/// next look at the database.
pub async fn begin_generation(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    store::begin_generation(tx, now).await
}

impl Revocations {
    /// Loads all lists.
    pub async fn open(
        options: RevocationOptions,
        db: Db,
        keys: Keys,
        clock: Clock,
        random: SecureRandom,
    ) -> Result<Self, StoreError> {
        let waiters = Waiters::new(options.waiters, options.metrics.clone());
        let opened = Self(Arc::new(Parts {
            waiters,
            options,
            db,
            keys,
            clock,
            random,
            lists: RwLock::default(),
            block: Mutex::default(),
            followed: Mutex::default(),
            asked: AtomicU64::default(),
            served: Mutex::default(),
            seen: AtomicI64::default(),
            first_list: AtomicI64::default(),
            first_version: AtomicI64::default(),
            woken: Notify::default(),
            unconfirmed: Unconfirmed::default(),
        }));
        opened.load_all().await?;
        Ok(opened)
    }

    /// How a token says which bit is its own.
    pub fn reference(&self, bit: Bit) -> StatusReference {
        StatusReference::new(u64::try_from(bit.idx).unwrap_or(u64::MAX), self.uri(bit.list))
    }

    /// Whether the session behind a token lives. A list that is not there, or a place that it does not have, is
    /// nobody's: a database that was restored from a backup gives nothing back.
    ///
    /// # Errors
    /// Those of the database, which is only asked about lists that this process has not met yet.
    pub async fn is_live(&self, reference: &StatusReference) -> Result<bool, StoreError> {
        let Some(number) = self.number(&reference.uri) else {
            return Ok(false);
        };
        let bit = i64::try_from(reference.idx).map(|idx| Bit { list: number, idx });
        if bit.is_ok_and(|bit| self.0.unconfirmed.has(bit)) {
            return Ok(false);
        }
        let list = self.find(number).await?;
        Ok(list.and_then(|list| list.is_set(reference.idx)) == Some(false))
    }

    fn uri(&self, list: i64) -> String {
        format!("{}/oauth2/status-lists/{list}", self.0.options.issuer)
    }

    /// The number of a list of ours.
    fn number(&self, uri: &str) -> Option<i64> {
        let path = uri.strip_prefix(&*self.0.options.issuer)?;
        path.strip_prefix("/oauth2/status-lists/")?.parse().ok()
    }

    fn known(&self, number: i64) -> Option<Arc<List>> {
        self.0
            .lists
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&number)
            .cloned()
    }
}
