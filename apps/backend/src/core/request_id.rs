//! The name under which the log and the client know one request.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{ConnectInfo, Request};
use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use super::random::SecureRandom;

pub(in crate::core) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ids are not believed: they would fill the log.
const MAX_LENGTH: usize = 64;

/// The id of a request; each request carries it among its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId {
    letters: [u8; MAX_LENGTH],
    length: usize,
}

/// Makes ids: each differs from all others of this process, and, short of an accident, from those of any other. They guard
/// nothing, so their source is a quick one, with a secure seed: who has seen some of them can tell others.
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

    /// 128 bits in hexadecimal.
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

    /// Takes the id that a trusted proxy sent, or a fresh one, and leaves it with the request.
    pub(in crate::core) fn assign(&self, request: &mut Request, trusted_proxies: &[IpNet]) -> RequestId {
        let id = proposed(request, trusted_proxies).unwrap_or_else(|| self.fresh());
        request.extensions_mut().insert(id);
        id
    }
}

/// A number of the sequence of a seed: SplitMix64 (Steele, Lea, Flood 2014). No two of a sequence are the same.
fn split_mix(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl RequestId {
    /// The first so many letters of `text`.
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

/// Anyone may send the header: only a proxy of ours is believed, and only plain words are.
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
