//! One status list: its contents, and the long poll that refreshes it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use countersign_jose::{MAX_STATUS_LIST_LENGTH, Present, StatusListClaims, StatusListExpectation, TokenError, verify};
use http::header::{ACCEPT, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::fetch::{FETCH_TIME, FetchError, FetchRequest, FetchResponse};
use super::issuer::Issuer;
use super::policy::Age;
use crate::{KeyLookup, StatusFault, TokenStatus};

const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Seconds.
const LONGEST_WAIT: u64 = 30;
const EXTRA_TIME: Duration = Duration::from_secs(10);

pub(super) struct TrackedList {
    uri: String,
    cached: RwLock<Option<CachedList>>,
    /// Whether the issuer's last response was an unreadable list.
    unreadable: AtomicBool,
    /// Whether it was requested at least once, with any outcome.
    tried: watch::Sender<bool>,
    /// When it was last named by a token, in seconds of [`super::Lists`].
    named: AtomicU64,
}

struct CachedList {
    claims: StatusListClaims,
    etag: Option<HeaderValue>,
    /// When the issuer last confirmed the list.
    confirmed: Instant,
}

/// The outcome of a request.
pub(super) enum Polled {
    Changed,
    Unchanged,
}

impl TrackedList {
    pub(super) fn new(uri: &str, second: u64) -> Self {
        Self {
            uri: uri.to_owned(),
            cached: RwLock::new(None),
            unreadable: AtomicBool::new(false),
            tried: watch::Sender::new(false),
            named: AtomicU64::new(second),
        }
    }

    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    pub(super) fn named_at(&self, second: u64) {
        self.named.store(second, Ordering::Relaxed);
    }

    /// Seconds since it was last named by a token.
    pub(super) fn idle(&self, second: u64) -> u64 {
        second.saturating_sub(self.named.load(Ordering::Relaxed))
    }

    /// Records that it was requested, and whether the response was an unreadable list.
    pub(super) fn was_asked_for(&self, unreadable: bool) {
        self.unreadable.store(unreadable, Ordering::Relaxed);
        self.tried.send_replace(true);
    }

    /// Waits for the first request, up to its timeout.
    pub(super) async fn first_attempt(&self) {
        let mut tried = self.tried.subscribe();
        // In either case, the caller checks what is there.
        drop(timeout(FETCH_TIME, tried.wait_for(|tried| *tried)).await);
    }

    /// Returns the status of the session at this index; `None` while there is no list.
    pub(super) fn status_at(&self, idx: u64, issuer: &Issuer) -> Option<TokenStatus> {
        let cached = self.cached.read().unwrap_or_else(PoisonError::into_inner);
        let Some(cached) = cached.as_ref() else {
            let unreadable = self.unreadable.load(Ordering::Relaxed);
            return unreadable.then_some(TokenStatus::Refused(StatusFault::Unreadable));
        };
        let status = cached.claims.status_list.status(idx);
        // draft-ietf-oauth-status-list §7.1: 1 is INVALID, 2 SUSPENDED. Unknown values are treated as revoked.
        if status.is_some_and(|status| status != 0) {
            return Some(TokenStatus::Revoked);
        }
        Some(match issuer.when_stale.with_list(&cached.age(issuer)) {
            TokenStatus::Valid if status.is_none() => TokenStatus::Refused(StatusFault::OutsideOfList),
            status => status,
        })
    }

    /// Requests the list once: immediately if there is none, otherwise held by the server until it changes.
    pub(super) async fn poll(&self, issuer: &Issuer) -> Result<Polled, FetchError> {
        let request = self.request(issuer)?;
        let conditional = request.headers.contains_key(IF_NONE_MATCH);
        let response = issuer.http.fetch(request).await?;
        match response.status {
            StatusCode::OK => self.take(&response, issuer).await,
            StatusCode::NOT_MODIFIED if conditional => {
                self.confirm();
                Ok(Polled::Unchanged)
            }
            other => Err(FetchError::Status(other)),
        }
    }

    fn request(&self, issuer: &Issuer) -> Result<FetchRequest, FetchError> {
        let uri = issuer.addresses.of_list(&self.uri);
        let uri = uri.ok_or_else(|| FetchError::Content("no URL".to_owned()))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/statuslist+jwt"));
        let mut within = FETCH_TIME;
        let cached = self.cached.read().unwrap_or_else(PoisonError::into_inner);
        // An expired list is useless even if it has not changed.
        let serves = cached.as_ref().filter(|cached| !cached.age(issuer).expired);
        if let Some((cached, etag)) = serves.and_then(|cached| Some((cached, cached.etag.as_ref()?))) {
            // RFC 7240 §4.3. The wait is not longer than the list's `ttl`.
            let wait = cached.claims.ttl.clamp(1, LONGEST_WAIT);
            headers.insert(IF_NONE_MATCH, etag.clone());
            headers.insert(
                PREFER,
                HeaderValue::try_from(format!("wait={wait}")).map_err(|_| FetchError::Body)?,
            );
            within = Duration::from_secs(wait) + EXTRA_TIME;
        }
        Ok(FetchRequest {
            uri,
            headers,
            limit: MAX_STATUS_LIST_LENGTH,
            within,
        })
    }

    fn confirm(&self) {
        if let Some(cached) = &mut *self.cached.write().unwrap_or_else(PoisonError::into_inner) {
            cached.confirmed = Instant::now();
        }
    }

    /// Stores a list if it is valid and not older than the current one.
    async fn take(&self, response: &FetchResponse, issuer: &Issuer) -> Result<Polled, FetchError> {
        let claims = self.verify(response, issuer).await?;
        let new = CachedList {
            etag: response.headers.get(ETAG).cloned(),
            confirmed: Instant::now(),
            claims,
        };
        let mut cached = self.cached.write().unwrap_or_else(PoisonError::into_inner);
        let polled = match &*cached {
            // An older list would undo revocations.
            Some(old) if new.order() < old.order() => {
                return Err(FetchError::Content(
                    "a status list that is older than the cached one".to_owned(),
                ));
            }
            Some(old) if new.claims.version == old.claims.version => Polled::Unchanged,
            _ => Polled::Changed,
        };
        *cached = Some(new);
        Ok(polled)
    }

    /// Verifies a list, and once more if its key had to be fetched and was found.
    async fn verify(&self, response: &FetchResponse, issuer: &Issuer) -> Result<StatusListClaims, FetchError> {
        let token =
            std::str::from_utf8(&response.body).map_err(|_| FetchError::Content("not a status list".to_owned()))?;
        let mut missing = None;
        let mut verified = self.verify_with_known_keys(token, issuer, &mut missing);
        if let Some(kid) = missing.take() {
            if issuer.keys.look_up(&kid).await == KeyLookup::Found {
                verified = self.verify_with_known_keys(token, issuer, &mut missing);
            }
        }
        verified.map_err(|error| match error {
            TokenError::StatusList(fault) if fault.is_unreadable() => FetchError::Unreadable(fault),
            error => FetchError::Content(error.to_string()),
        })
    }

    fn verify_with_known_keys(
        &self,
        token: &str,
        issuer: &Issuer,
        missing: &mut Option<String>,
    ) -> Result<StatusListClaims, TokenError> {
        let expect = StatusListExpectation {
            issuer: issuer.addresses.issuer(),
            uri: &self.uri,
            present: Present {
                now: (issuer.clock)(),
                leeway: issuer.leeway,
            },
        };
        let find = |kid: &str| {
            let key = issuer.keys.find(kid);
            if key.is_none() {
                *missing = Some(kid.to_owned());
            }
            key
        };
        verify::<StatusListClaims>(token, find, &expect)
    }
}

impl CachedList {
    fn age(&self, issuer: &Issuer) -> Age {
        Age {
            expired: (issuer.clock)().saturating_sub(i64::from(issuer.leeway)) >= self.claims.exp,
            unconfirmed: self.confirmed.elapsed(),
            ttl: Duration::from_secs(self.claims.ttl),
        }
    }

    /// Later lists in this order replace earlier ones. Of the same version, the one signed later is valid longer.
    fn order(&self) -> (u64, i64) {
        (self.claims.version, self.claims.exp)
    }
}

#[cfg(test)]
mod tests {
    use countersign_jose::StatusList;
    use tokio::time::advance;

    use super::*;
    use crate::WhenStale;

    fn cached(ttl: u64) -> TrackedList {
        let list = TrackedList::new("http://127.0.0.1:1/l", 0);
        let claims = StatusListClaims {
            iss: "http://127.0.0.1:1".to_owned(),
            sub: list.uri.clone(),
            iat: 0,
            exp: 3600,
            ttl,
            version: 1,
            status_list: StatusList::with_capacity(8).unwrap(),
        };
        *list.cached.write().unwrap() = Some(CachedList {
            claims,
            etag: Some(HeaderValue::from_static("\"1\"")),
            confirmed: Instant::now(),
        });
        list
    }

    #[tokio::test(start_paused = true)]
    async fn fail_closed_ends_ten_seconds_after_the_ttl_and_each_confirmation_begins_anew() {
        let issuer = Issuer::for_tests(WhenStale::FailClosed);
        let list = cached(30);
        advance(Duration::from_secs(40)).await;
        assert_eq!(list.status_at(1, &issuer), Some(TokenStatus::Valid));
        advance(Duration::from_millis(1)).await;
        assert_eq!(list.status_at(1, &issuer), Some(TokenStatus::Unavailable));
        list.confirm();
        assert_eq!(list.status_at(1, &issuer), Some(TokenStatus::Valid));
    }

    #[tokio::test]
    async fn a_list_is_waited_for_no_longer_than_it_serves() {
        let issuer = Issuer::for_tests(WhenStale::default());
        let asks = |ttl| {
            let request = cached(ttl).request(&issuer).unwrap();
            let wait = request.headers[PREFER].to_str().unwrap().to_owned();
            assert_eq!(request.headers[IF_NONE_MATCH], "\"1\"");
            (wait, request.within.as_secs())
        };
        assert_eq!(asks(30), ("wait=30".to_owned(), 40));
        assert_eq!(asks(86_400), ("wait=30".to_owned(), 40));
        assert_eq!(asks(5), ("wait=5".to_owned(), 15));
        assert_eq!(asks(0), ("wait=1".to_owned(), 11));
    }

    /// A 304 would keep the expired list.
    #[tokio::test]
    async fn a_list_that_has_expired_is_asked_for_without_condition() {
        let issuer = Issuer {
            clock: Box::new(|| 3600),
            ..Issuer::for_tests(WhenStale::default())
        };
        let request = cached(30).request(&issuer).unwrap();
        assert!(!request.headers.contains_key(IF_NONE_MATCH) && !request.headers.contains_key(PREFER));
        assert_eq!(request.within, FETCH_TIME);
    }
}
