//! An issuer that is reached over HTTP: its keys and its status lists.
//!
//! Requests to the protected service only wait for the network for the first token of a list and for a token with an
//! unknown key. All fetching is done by background tasks, which end with the last guard that needs them.

mod addresses;
mod backoff;
mod builder;
mod discovery;
mod error;
mod fetch;
mod issuer;
mod key_refresh;
mod keys;
mod list;
mod lists;
mod policy;

use std::sync::{Arc, Mutex, PoisonError};

use countersign_jose::{AccessTokenClaims, StatusReference, VerifyingKey};
use futures_util::future::{BoxFuture, FutureExt, ready};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

pub use self::builder::GuardBuilder;
pub use self::error::BuildError;
use self::fetch::FETCH_TIME;
use self::issuer::Issuer;
use self::list::TrackedList;
use self::lists::Lists;
pub use self::policy::WhenStale;
use crate::{Authority, KeyLookup, StatusFault, TokenStatus};

/// The remote issuer, as an authority.
struct Remote {
    issuer: Arc<Issuer>,
    lists: Arc<Lists>,
    audience: Vec<String>,
    require_status: bool,
    runtime: Handle,
    /// The tasks hold no `Remote`, so that it is dropped with the last guard, which ends them.
    tasks: Mutex<JoinSet<()>>,
}

impl Remote {
    /// Starts fetching the keys, and waits until they are available or the first attempt has failed.
    async fn start(issuer: Issuer, audience: Vec<String>, require_status: bool) -> Self {
        let issuer = Arc::new(issuer);
        let mut tasks = JoinSet::new();
        let attempted = issuer.keys.attempted();
        tasks.spawn(key_refresh::keep(Arc::clone(&issuer)));
        attempted.within(FETCH_TIME).await;
        Self {
            issuer,
            lists: Arc::new(Lists::new()),
            audience,
            require_status,
            runtime: Handle::current(),
            tasks: Mutex::new(tasks),
        }
    }

    fn status_at<'a>(&'a self, status: &'a StatusReference) -> BoxFuture<'a, TokenStatus> {
        let issuer = &*self.issuer;
        let list = match self.lists.find(&status.uri) {
            Some(list) => list,
            None if issuer.addresses.of_list(&status.uri).is_none() => {
                return decided(TokenStatus::Refused(StatusFault::Foreign));
            }
            None => match self.follow(&status.uri) {
                Some(list) => list,
                None => return decided(issuer.when_stale.without_list()),
            },
        };
        if let Some(said) = list.status_at(status.idx, issuer) {
            return decided(said);
        }
        let first = async move {
            list.first_attempt().await;
            list.status_at(status.idx, issuer)
                .unwrap_or_else(|| issuer.when_stale.without_list())
        };
        first.boxed()
    }

    /// Starts following a list. `None` if too many are followed.
    fn follow(&self, uri: &str) -> Option<Arc<TrackedList>> {
        self.lists.follow(uri, |list| {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {}
            let kept = lists::keep(Arc::clone(&self.issuer), Arc::clone(&self.lists), list);
            tasks.spawn_on(kept, &self.runtime)
        })
    }
}

impl Authority for Remote {
    fn issuer(&self) -> &str {
        self.issuer.addresses.issuer()
    }

    fn audience(&self) -> &[String] {
        &self.audience
    }

    fn now(&self) -> i64 {
        (self.issuer.clock)()
    }

    fn leeway(&self) -> u32 {
        self.issuer.leeway
    }

    fn verifying_key(&self, kid: &str) -> Option<VerifyingKey> {
        self.issuer.keys.find(kid)
    }

    fn look_up_key<'a>(&'a self, kid: &'a str) -> BoxFuture<'a, KeyLookup> {
        self.issuer.keys.look_up(kid).boxed()
    }

    fn token_status<'a>(&'a self, claims: &'a AccessTokenClaims) -> BoxFuture<'a, TokenStatus> {
        match &claims.status {
            Some(status) => self.status_at(status),
            None if self.require_status => decided(TokenStatus::Refused(StatusFault::Missing)),
            None => decided(TokenStatus::Valid),
        }
    }
}

fn decided<'a>(status: TokenStatus) -> BoxFuture<'a, TokenStatus> {
    ready(status).boxed()
}
