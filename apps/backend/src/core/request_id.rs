//! The name under which the log and the client know one request.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use super::random::SecureRandom;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ids are not believed: they would fill the log.
const MAX_LENGTH: usize = 64;

/// The id of a request; each request carries it among its extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub Arc<str>);

impl RequestId {
    /// 128 random bits in hexadecimal: it guards nothing, but nobody can foretell it either.
    pub(in crate::core) fn random(random: SecureRandom) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(random.bytes())).into())
    }

    /// Takes the id that a trusted proxy sent, or a fresh one, and leaves it with the request.
    pub(in crate::core) fn assign(request: &mut Request, trusted_proxies: &[IpNet], random: SecureRandom) -> Self {
        let id = proposed(request, trusted_proxies).unwrap_or_else(|| Self::random(random));
        request.extensions_mut().insert(id.clone());
        id
    }

    pub(in crate::core) fn echo(&self, response: &mut Response) {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Anyone may send the header: only a proxy of ours is believed, and only plain words are.
fn proposed(request: &Request, trusted: &[IpNet]) -> Option<RequestId> {
    let text = request.headers().get(X_REQUEST_ID)?.to_str().ok()?;
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    let address = peer.ip().to_canonical();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let believed = trusted.iter().any(|network| network.contains(&address))
        && (1..=MAX_LENGTH).contains(&text.len())
        && text.bytes().all(plain);
    believed.then(|| RequestId(text.into()))
}
