//! The status lists that are followed, and the tasks that refresh them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::backoff::Backoff;
use super::fetch::FetchError;
use super::issuer::Issuer;
use super::list::{Polled, TrackedList};

/// An unchanged list returned sooner than this was not held back by the server.
const HELD_TIME: Duration = Duration::from_millis(500);
const MAX_LISTS: usize = 64;
/// Seconds.
const MAX_IDLE: u64 = 60 * 60;
/// Seconds.
const MIN_IDLE: u64 = 60;

pub(super) struct Lists {
    started: Instant,
    by_uri: RwLock<HashMap<String, Entry>>,
}

struct Entry {
    list: Arc<TrackedList>,
    task: AbortHandle,
}

impl Lists {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            by_uri: RwLock::default(),
        }
    }

    /// Returns the list with this URI, and records that a token just named it.
    pub(super) fn find(&self, uri: &str) -> Option<Arc<TrackedList>> {
        let by_uri = self.by_uri.read().unwrap_or_else(PoisonError::into_inner);
        let list = Arc::clone(&by_uri.get(uri)?.list);
        list.named_at(self.second());
        Some(list)
    }

    /// Starts following a list. At the limit, it replaces the list that has not been named by a token for the longest time;
    /// if all were named recently, the new list is not followed.
    pub(super) fn follow(
        &self,
        uri: &str,
        spawn: impl FnOnce(Arc<TrackedList>) -> AbortHandle,
    ) -> Option<Arc<TrackedList>> {
        let now = self.second();
        let mut by_uri = self.write();
        // Another task may have added it meanwhile.
        if let Some(entry) = by_uri.get(uri) {
            return Some(Arc::clone(&entry.list));
        }
        if by_uri.len() >= MAX_LISTS {
            let idlest = by_uri.iter().max_by_key(|(_, entry)| entry.list.idle(now))?.0.clone();
            if by_uri[&idlest].list.idle(now) < MIN_IDLE {
                return None;
            }
            by_uri.remove(&idlest)?.task.abort();
        }
        let list = Arc::new(TrackedList::new(uri, now));
        let task = spawn(Arc::clone(&list));
        let entry = Entry {
            list: Arc::clone(&list),
            task,
        };
        by_uri.insert(uri.to_owned(), entry);
        Some(list)
    }

    /// Stops following a list that no token has named for an hour.
    pub(super) fn drop_idle(&self, list: &TrackedList) -> bool {
        let mut by_uri = self.write();
        let idle = list.idle(self.second()) >= MAX_IDLE;
        if idle {
            by_uri.remove(list.uri());
        }
        idle
    }

    /// Seconds since this value was created.
    fn second(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Entry>> {
        self.by_uri.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refreshes a list until it is no longer named by tokens.
pub(super) async fn keep(issuer: Arc<Issuer>, lists: Arc<Lists>, list: Arc<TrackedList>) {
    let mut backoff = Backoff::new();
    let mut failing = false;
    loop {
        let began = Instant::now();
        let polled = list.poll(&issuer).await;
        list.was_asked_for(matches!(polled, Err(FetchError::Unreadable(_))));
        if polled.is_ok() && std::mem::take(&mut failing) {
            tracing::info!(list = list.uri(), "resumed refreshing the status list");
        }
        match polled {
            Ok(Polled::Changed) => backoff.reset(),
            Ok(Polled::Unchanged) if began.elapsed() >= HELD_TIME => backoff.reset(),
            // A server that does not hold requests would be asked in a tight loop.
            Ok(Polled::Unchanged) => sleep(backoff.pause()).await,
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(list = list.uri(), %error, "failed to refresh the status list; will retry");
                }
                sleep(backoff.pause()).await;
            }
        }
        if lists.drop_idle(&list) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::{Lists, MAX_IDLE, MAX_LISTS, MIN_IDLE};

    fn follow(lists: &Lists, uri: &str) -> bool {
        let task = || tokio::spawn(std::future::pending::<()>()).abort_handle();
        lists.follow(uri, |_| task()).is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_so_many_are_followed() {
        let lists = Lists::new();
        for number in 0..MAX_LISTS {
            assert!(follow(&lists, &number.to_string()));
        }
        // All were named just now, so none is replaced.
        assert!(!follow(&lists, "one too many"));
        assert!(follow(&lists, "0"), "one that is followed is found");
        advance(Duration::from_secs(MIN_IDLE)).await;
        for number in (0..MAX_LISTS).filter(|&number| number != 7) {
            assert!(lists.find(&number.to_string()).is_some());
        }
        let task = lists.write()["7"].task.clone();
        assert!(follow(&lists, "one too many"));
        assert!(lists.find("7").is_none(), "the one that was not named is gone");
        tokio::task::yield_now().await;
        assert!(task.is_finished(), "and what followed it");
        assert!(!follow(&lists, "two too many"));
        assert_eq!(lists.write().len(), MAX_LISTS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_unused_for_an_hour_is_dropped() {
        let lists = Lists::new();
        assert!(follow(&lists, "a") && follow(&lists, "b"));
        advance(Duration::from_secs(MAX_IDLE - 1)).await;
        let a = lists.find("a").unwrap();
        let b = lists.write()["b"].list.clone();
        assert!(!lists.drop_idle(&b));
        advance(Duration::from_secs(1)).await;
        assert!(lists.drop_idle(&b) && !lists.drop_idle(&a));
        assert!(lists.find("b").is_none() && lists.find("a").is_some());
    }
}
