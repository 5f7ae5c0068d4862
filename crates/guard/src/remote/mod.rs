//! An issuer that is somewhere else: its keys and its status lists over HTTP.
//!
//! Requests of the protected service never wait for the network, but for the first token of a list and for a key that
//! was never seen. All fetching is done by background tasks, which end with the last guard that needs them.

mod addresses;
mod backoff;
mod builder;
mod discovery;
mod fetch;
mod keys;
mod list;
mod lists;
mod policy;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_jose::{AccessTokenClaims, StatusReference, VerifyingKey};
use futures_util::future::{BoxFuture, FutureExt, ready};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use self::addresses::Addresses;
pub use self::builder::{BuildError, GuardBuilder};
use self::fetch::Http;
use self::keys::Keys;
use self::list::TrackedList;
use self::lists::Lists;
pub use self::policy::WhenStale;
use crate::{Authority, KeyLookup, StatusFault, TokenStatus};

/// How long an answer that is not held on purpose may take, to its last byte.
const FETCH_TIME: Duration = Duration::from_secs(5);

/// The remote issuer, as an authority.
struct Remote {
    shared: Arc<Shared>,
    runtime: Handle,
    /// What runs in the background holds no `Remote`, so that this is dropped, and they end, with the last guard.
    tasks: Mutex<JoinSet<()>>,
}

/// What the background tasks need.
struct Shared {
    addresses: Addresses,
    audience: Vec<String>,
    leeway: u32,
    when_stale: WhenStale,
    require_status: bool,
    clock: Box<dyn Fn() -> i64 + Send + Sync>,
    http: Http,
    keys: Keys,
    lists: Lists,
}

impl Remote {
    /// Begins to fetch the keys, and waits until they are there or a first attempt has failed.
    async fn start(shared: Shared) -> Self {
        let shared = Arc::new(shared);
        let mut tasks = JoinSet::new();
        let attempted = shared.keys.attempted();
        tasks.spawn(keys::keep(Arc::clone(&shared)));
        attempted.within(FETCH_TIME).await;
        Self {
            shared,
            runtime: Handle::current(),
            tasks: Mutex::new(tasks),
        }
    }

    fn status_at<'a>(&'a self, status: &'a StatusReference) -> BoxFuture<'a, TokenStatus> {
        let shared = &self.shared;
        let list = match shared.lists.find(&status.uri) {
            Some(list) => list,
            None if shared.addresses.of_list(&status.uri).is_none() => {
                return decided(TokenStatus::Refused(StatusFault::Foreign));
            }
            None => match self.follow(&status.uri) {
                Some(list) => list,
                None => return decided(shared.when_stale.without_list()),
            },
        };
        if let Some(said) = list.status_at(status.idx, shared) {
            return decided(said);
        }
        let first = async move {
            list.first_attempt().await;
            list.status_at(status.idx, shared)
                .unwrap_or_else(|| shared.when_stale.without_list())
        };
        first.boxed()
    }

    /// Begins to follow a list. `None` if too many are followed.
    fn follow(&self, uri: &str) -> Option<Arc<TrackedList>> {
        self.shared.lists.follow(uri, |list| {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {}
            tasks.spawn_on(list::keep(Arc::clone(&self.shared), list), &self.runtime)
        })
    }
}

impl Authority for Remote {
    fn issuer(&self) -> &str {
        self.shared.addresses.issuer()
    }

    fn audience(&self) -> &[String] {
        &self.shared.audience
    }

    fn now(&self) -> i64 {
        (self.shared.clock)()
    }

    fn leeway(&self) -> u32 {
        self.shared.leeway
    }

    fn verifying_key(&self, kid: &str) -> Option<VerifyingKey> {
        self.shared.keys.find(kid)
    }

    fn look_up_key<'a>(&'a self, kid: &'a str) -> BoxFuture<'a, KeyLookup> {
        self.shared.keys.look_up(kid).boxed()
    }

    fn token_status<'a>(&'a self, claims: &'a AccessTokenClaims) -> BoxFuture<'a, TokenStatus> {
        match &claims.status {
            Some(status) => self.status_at(status),
            None if self.shared.require_status => decided(TokenStatus::Refused(StatusFault::Missing)),
            None => decided(TokenStatus::Valid),
        }
    }
}

fn decided<'a>(status: TokenStatus) -> BoxFuture<'a, TokenStatus> {
    ready(status).boxed()
}

#[cfg(test)]
impl Shared {
    /// What a guard shares whose issuer nobody ever asks. The time is 0.
    fn for_tests(when_stale: WhenStale) -> Self {
        let addresses = Addresses::new("http://127.0.0.1:1".to_owned(), None).unwrap();
        Self {
            http: Http::new(&addresses).unwrap(),
            addresses,
            audience: Vec::new(),
            leeway: 0,
            when_stale,
            require_status: true,
            clock: Box::new(|| 0),
            keys: Keys::new(Duration::ZERO),
            lists: Lists::new(),
        }
    }
}
