//! Bits: allocated to sessions, set when they end, kept in memory and published.
//!
//! A revocation is committed together with the end of its session. It then gets a number in a separate transaction. Numbers
//! commit in order, so a reader that has seen a number has seen all earlier ones, whichever process assigned them. If a
//! process stops in between, the next process that polls assigns the number moments later.

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
use super::{Bit, Reach, store};
use crate::core::clock::{Clock, Timestamp};
use crate::core::random::SecureRandom;
use crate::features::operations::keys::Keys;

/// The settings of the lists.
pub struct RevocationOptions {
    /// The issuer, which the URLs of the lists begin with.
    pub issuer: String,
    /// The number of bits in a list; a power of two.
    pub entries: u32,
    /// How long a polling verifier may cache a list.
    pub ttl: Duration,
    /// How long a published list is valid.
    pub lifetime: Duration,
    /// The maximum lifetime of a session.
    pub session_ttl: Duration,
    /// The number of indexes reserved at a time: one for a command, many for a server.
    pub block: i64,
    /// How many clients may wait for a change at once.
    pub waiters: WaiterLimits,
    /// How processes wake each other.
    pub feed: Feed,
    /// What is counted of it.
    pub metrics: RevocationMetrics,
}

/// The lists as known to this process. Cloning is cheap.
#[derive(Clone)]
pub struct Revocations(Arc<Parts>);

struct Parts {
    options: RevocationOptions,
    db: Db,
    keys: Keys,
    clock: Clock,
    random: SecureRandom,
    lists: RwLock<HashMap<i64, Arc<List>>>,
    /// The indexes reserved by this process, in the order of [`Reach::ALL`].
    blocks: [Mutex<Option<Block>>; Reach::ALL.len()],
    /// The number up to which all revocations are in `lists`. Locked while revocations or lists are added.
    followed: Mutex<i64>,
    /// How many callers have requested numbers for their revocations, and how many of them have been served.
    asked: AtomicU64,
    served: Mutex<u64>,
    /// The same number as `followed`, for the metrics.
    seen: AtomicI64,
    /// The first list of this generation, and the version of those before it.
    first_list: AtomicI64,
    first_version: AtomicI64,
    /// Notified when there may be new revocations.
    woken: Notify,
    /// Bits announced by other processes and not yet read from the database.
    unconfirmed: Unconfirmed,
    /// The clients that are waiting for a change.
    waiters: Waiters,
}

/// Returns the newest list, if any session was ever opened.
pub async fn newest_list(db: &Db) -> Result<Option<i64>, StoreError> {
    Ok(store::lists(db).await?.iter().map(|row| row.number).max())
}

/// Begins a new generation of lists, in the transaction that ends all sessions. Every token issued before is refused from
/// now on, by this server and by every verifier, including tokens that this database does not know of. Servers notice it
/// when they next poll the database.
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
            blocks: Default::default(),
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

    /// Returns the reference to a bit for the claims of a token.
    pub fn reference(&self, bit: Bit) -> StatusReference {
        StatusReference::new(u64::try_from(bit.idx).unwrap_or(u64::MAX), self.uri(bit.list))
    }

    /// Returns whether the session of a token is active. A token with an unknown list or index is refused, so restoring a
    /// backup of the database makes no tokens valid again.
    ///
    /// # Errors
    /// If the database failed. It is queried only for lists that this process does not know yet.
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

    /// Returns the number of a list of this server.
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
