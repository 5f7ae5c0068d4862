//! Request IDs, used in the log and by the client.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{ConnectInfo, Request};
use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use super::random::SecureRandom;

pub(in crate::core) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The maximum length of an accepted ID, so that IDs cannot flood the log.
const MAX_LENGTH: usize = 64;

/// The ID of a request, stored in its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId {
    letters: [u8; MAX_LENGTH],
    length: usize,
}

/// Generates IDs that are unique in this process and, with overwhelming probability, across processes. They are not
/// secret: they come from a fast generator with a secure seed, and can be predicted from others.
pub(in crate::core) struct RequestIds {
    seeds: [u64; 2],
    made: AtomicU64,
}

impl RequestIds {
    pub(in crate::core) fn new(random: SecureRandom) -> Self {
        Self {
            seeds: [random.bytes(), random.bytes()].map(u64::from_ne_bytes),
            made: AtomicU64::new(0),
        }
    }

    /// Returns a new ID: 128 bits in hexadecimal.
    pub(in crate::core) fn fresh(&self) -> RequestId {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let [high, low] = self.seeds.map(|seed| split_mix(seed, number));
        let mut digits = [0; 32];
        let bytes = ((u128::from(high) << 64) | u128::from(low)).to_be_bytes();
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&[byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
        }
        RequestId::of(&digits)
    }

    /// Returns the ID from a trusted proxy or a new one, and adds it to the request's extensions.
    pub(in crate::core) fn assign(&self, request: &mut Request, trusted_proxies: &[IpNet]) -> RequestId {
        let id = proposed(request, trusted_proxies).unwrap_or_else(|| self.fresh());
        request.extensions_mut().insert(id);
        id
    }
}

/// Returns an element of the seed's sequence (SplitMix64; Steele, Lea, Flood 2014). The elements of a sequence are
/// distinct.
fn split_mix(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl RequestId {
    /// Creates an ID from `text`, truncated to the maximum length.
    fn of(text: &[u8]) -> Self {
        let (mut letters, length) = ([0; MAX_LENGTH], text.len().min(MAX_LENGTH));
        letters[..length].copy_from_slice(&text[..length]);
        Self { letters, length }
    }

    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.letters[..self.length]).unwrap_or_default()
    }

    pub(in crate::core) fn header(&self) -> HeaderValue {
        let letters = HeaderValue::from_bytes(&self.letters[..self.length]);
        letters.unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns the ID in the request's header. Accepted only from a trusted proxy, and only with safe characters.
fn proposed(request: &Request, trusted: &[IpNet]) -> Option<RequestId> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    let address = peer.ip().to_canonical();
    if !trusted.iter().any(|network| network.contains(&address)) {
        return None;
    }
    let text = request.headers().get(X_REQUEST_ID)?.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let believed = (1..=MAX_LENGTH).contains(&text.len()) && text.iter().all(plain);
    believed.then(|| RequestId::of(text))
}
