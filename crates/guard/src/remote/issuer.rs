//! The issuer: how to reach it, its keys, and the rules for its tokens.

use super::WhenStale;
use super::addresses::Addresses;
use super::fetch::Http;
use super::keys::Keys;

/// The state that the background tasks share.
pub(super) struct Issuer {
    pub(super) addresses: Addresses,
    pub(super) http: Http,
    pub(super) keys: Keys,
    pub(super) leeway: u32,
    pub(super) when_stale: WhenStale,
    pub(super) clock: Box<dyn Fn() -> i64 + Send + Sync>,
}

#[cfg(test)]
impl Issuer {
    /// An issuer that is never requested. The time is 0.
    pub(super) fn for_tests(when_stale: WhenStale) -> Self {
        let addresses = Addresses::new("http://127.0.0.1:1".to_owned(), None).unwrap();
        Self {
            http: Http::new(&addresses).unwrap(),
            addresses,
            leeway: 0,
            when_stale,
            clock: Box::new(|| 0),
            keys: Keys::new(std::time::Duration::ZERO),
        }
    }
}
