//! The issuer's keys: fetched before they are needed, kept when they cannot be fetched, looked for when a token names
//! one that nobody knows, though not as often as anyone likes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use countersign_jose::{JwkSet, VerifyingKey, is_unambiguous_object};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, Uri};
use tokio::select;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::backoff::Backoff;
use super::discovery::{document, keys_address};
use super::fetch::FetchError;
use super::{FETCH_TIME, Shared};
use crate::KeyLookup;

const USUAL_LIFETIME: Duration = Duration::from_secs(300);
const SHORTEST_LIFETIME: Duration = Duration::from_secs(10);
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The share of its lifetime after which a set is fetched anew.
const REFRESHED_AT: f64 = 0.8;

pub(super) struct Keys {
    cached: RwLock<Arc<[VerifyingKey]>>,
    cooldown: Duration,
    look_ups: Mutex<LookUps>,
    /// Wakes the task that fetches.
    wanted: Notify,
    /// How often it was tried.
    attempts: watch::Sender<u64>,
}

struct LookUps {
    /// When a key was last looked for because a token named it.
    last: Option<Instant>,
    /// Whether a fetch is under way or will be at once.
    pending: bool,
}

/// The end of the next attempt.
pub(super) struct NextAttempt<T>(pub(super) watch::Receiver<T>);

impl<T> NextAttempt<T> {
    /// Waits for it, but no longer than this.
    pub(super) async fn within(mut self, time: Duration) {
        // Either way the caller looks at what there is.
        drop(timeout(time, self.0.changed()).await);
    }
}

impl Keys {
    pub(super) fn new(cooldown: Duration) -> Self {
        Self {
            cached: RwLock::new(Arc::new([])),
            cooldown,
            look_ups: Mutex::new(LookUps {
                last: None,
                pending: true,
            }),
            wanted: Notify::new(),
            attempts: watch::Sender::new(0),
        }
    }

    pub(super) fn find(&self, kid: &str) -> Option<VerifyingKey> {
        let cached = self.cached.read().unwrap_or_else(PoisonError::into_inner);
        cached.iter().find(|key| key.kid() == kid).cloned()
    }

    /// The end of the attempt that is next or under way.
    pub(super) fn attempted(&self) -> NextAttempt<u64> {
        NextAttempt(self.attempts.subscribe())
    }

    /// Has the keys fetched for one that is not among them, unless that was done lately. All who ask meanwhile wait for
    /// the same response.
    pub(super) async fn look_up(&self, kid: &str) -> KeyLookup {
        if let Some(attempted) = self.join_fetch() {
            attempted.within(FETCH_TIME).await;
        }
        match self.find(kid) {
            Some(_) => KeyLookup::Found,
            None if self.cached.read().unwrap_or_else(PoisonError::into_inner).is_empty() => KeyLookup::Unavailable,
            None => KeyLookup::Unknown,
        }
    }

    fn join_fetch(&self) -> Option<NextAttempt<u64>> {
        let mut look_ups = self.look_ups();
        // Subscribed under the lock: a fetch that ends from here on is one that this sees.
        let attempted = self.attempted();
        if look_ups.pending {
            return Some(attempted);
        }
        if look_ups.last.is_some_and(|last| last.elapsed() < self.cooldown) {
            return None;
        }
        *look_ups = LookUps {
            last: Some(Instant::now()),
            pending: true,
        };
        self.wanted.notify_one();
        Some(attempted)
    }

    fn began(&self) {
        self.look_ups().pending = true;
    }

    fn ended(&self) {
        let mut look_ups = self.look_ups();
        look_ups.pending = false;
        self.attempts.send_modify(|attempts| *attempts += 1);
    }

    fn look_ups(&self) -> MutexGuard<'_, LookUps> {
        self.look_ups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, keys: Vec<VerifyingKey>) {
        *self.cached.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
    }
}

/// Fetches the keys, for ever.
pub(super) async fn keep(shared: Arc<Shared>) {
    let keys = &shared.keys;
    let mut backoff = Backoff::new();
    let mut failing = false;
    let mut address = None;
    loop {
        keys.began();
        let fetched = fetch(&shared, &mut address).await;
        keys.ended();
        let pause = match fetched {
            Ok(lifetime) => {
                if std::mem::take(&mut failing) {
                    tracing::info!(issuer = shared.addresses.issuer(), "the issuer's keys can be had again");
                }
                backoff.reset();
                lifetime.mul_f64(REFRESHED_AT)
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(issuer = shared.addresses.issuer(), %error, "the issuer's keys cannot be had");
                }
                backoff.pause()
            }
        };
        select! {
            () = sleep(pause) => {}
            () = keys.wanted.notified() => {}
        }
    }
}

/// Fetches the keys once, and says how long they may be kept. What is no answer changes nothing, but that the issuer
/// is asked anew where its keys are.
async fn fetch(shared: &Shared, address: &mut Option<Uri>) -> Result<Duration, FetchError> {
    let uri = match address.take() {
        Some(uri) => uri,
        None => keys_address(shared).await?,
    };
    let response = document(shared, uri.clone()).await?;
    shared.keys.replace(usable(&response.body)?);
    *address = Some(uri);
    Ok(lifetime(&response.headers))
}

/// The keys of a set that verify our tokens; the others are for others.
fn usable(body: &[u8]) -> Result<Vec<VerifyingKey>, FetchError> {
    let content = |what: &str| FetchError::Content(what.to_owned());
    if !is_unambiguous_object(body) {
        return Err(content("no JSON object, or one that can be read in two ways"));
    }
    let set: JwkSet = serde_json::from_slice(body).map_err(|_| content("no JWK Set"))?;
    let keys: Vec<_> = set
        .keys
        .iter()
        // A token names its key, so one without a name is never asked for.
        .filter(|jwk| jwk.kid.is_some())
        .filter_map(|jwk| VerifyingKey::from_published_jwk(jwk).ok())
        .collect();
    if keys.is_empty() {
        return Err(content("a JWK Set without an ES256 key"));
    }
    Ok(keys)
}

/// RFC 9111 §5.2.2.1, within bounds.
fn lifetime(headers: &HeaderMap) -> Duration {
    let directives = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let max_age = directives.flat_map(|value| value.split(',')).find_map(|directive| {
        directive
            .trim()
            .strip_prefix("max-age=")?
            .trim_matches('"')
            .parse()
            .ok()
    });
    max_age
        .map_or(USUAL_LIFETIME, Duration::from_secs)
        .clamp(SHORTEST_LIFETIME, LONGEST_LIFETIME)
}

#[cfg(test)]
mod tests {
    use super::{Duration, HeaderMap, lifetime};

    #[test]
    fn a_lifetime_has_bounds() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("cache-control", text.parse().unwrap());
            lifetime(&headers).as_secs()
        };
        assert_eq!(of("public, max-age=600"), 600);
        assert_eq!(of("max-age=0"), 10);
        assert_eq!(of("max-age=31536000"), 24 * 60 * 60);
        assert_eq!(of("max-age=soon"), 300);
        assert_eq!(lifetime(&HeaderMap::new()), Duration::from_secs(300));
    }
}
