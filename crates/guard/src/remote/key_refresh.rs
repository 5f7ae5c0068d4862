//! Refreshes the issuer's keys before they expire.

use std::sync::Arc;
use std::time::Duration;

use countersign_jose::{JwkSet, VerifyingKey, is_unambiguous_object};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, Uri};
use tokio::select;
use tokio::time::sleep;

use super::backoff::Backoff;
use super::discovery::{document, keys_address};
use super::fetch::FetchError;
use super::issuer::Issuer;

const USUAL_LIFETIME: Duration = Duration::from_secs(300);
const SHORTEST_LIFETIME: Duration = Duration::from_secs(10);
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The share of its lifetime after which a set is refreshed.
const REFRESHED_AT: f64 = 0.8;

/// Refreshes the keys forever.
pub(super) async fn keep(issuer: Arc<Issuer>) {
    let keys = &issuer.keys;
    let mut backoff = Backoff::new();
    let mut failing = false;
    let mut address = None;
    loop {
        keys.began();
        let fetched = fetch(&issuer, &mut address).await;
        keys.ended();
        let pause = match fetched {
            Ok(lifetime) => {
                if std::mem::take(&mut failing) {
                    tracing::info!(issuer = issuer.addresses.issuer(), "resumed fetching the issuer's keys");
                }
                backoff.reset();
                lifetime.mul_f64(REFRESHED_AT)
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(issuer = issuer.addresses.issuer(), %error, "failed to fetch the issuer's keys; \
                         will retry");
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

/// Fetches the keys once, and returns how long they may be kept. A failed fetch changes nothing, except that the location of
/// the keys is looked up again.
async fn fetch(issuer: &Issuer, address: &mut Option<Uri>) -> Result<Duration, FetchError> {
    let uri = match address.take() {
        Some(uri) => uri,
        None => keys_address(issuer).await?,
    };
    let response = document(issuer, uri.clone()).await?;
    issuer.keys.replace(usable(&response.body)?);
    *address = Some(uri);
    Ok(lifetime(&response.headers))
}

/// The keys of a set that can verify our tokens; others are ignored.
fn usable(body: &[u8]) -> Result<Vec<VerifyingKey>, FetchError> {
    let content = |what: &str| FetchError::Content(what.to_owned());
    if !is_unambiguous_object(body) {
        return Err(content("not a JSON object, or one with duplicate members"));
    }
    let set: JwkSet = serde_json::from_slice(body).map_err(|_| content("not a JWK Set"))?;
    let keys: Vec<_> = set
        .keys
        .iter()
        // Tokens name their key, so a key without an ID is never looked up.
        .filter(|jwk| jwk.kid.is_some())
        .filter_map(|jwk| VerifyingKey::from_published_jwk(jwk).ok())
        .collect();
    if keys.is_empty() {
        return Err(content("a JWK Set without an ES256 key"));
    }
    Ok(keys)
}

/// RFC 9111 §5.2.2.1, within limits.
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
