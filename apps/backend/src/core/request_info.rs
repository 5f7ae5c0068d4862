//! Information about a request that sessions and the audit log may store.

use std::net::IpAddr;
use std::sync::Arc;

use super::device::DeviceHash;
use super::language::Language;
use super::limits::AddressPrefix;

/// The maximum length of a stored `User-Agent`.
const MAX_USER_AGENT: usize = 256;

/// A request: the client's IP address, device and language, and the request's id. [`Caller`](super::caller::Caller) says who
/// sent it.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// The client's IP address, as reported by trusted proxies; `None` if it did not come over the network. A network request
    /// without one is rejected, because it would bypass the limits.
    pub address: Option<IpAddr>,
    /// The `User-Agent`, shortened, without control characters.
    pub user_agent: Option<String>,
    /// The hashed device cookie of a browser that uses the session cookie.
    pub device: Option<DeviceHash>,
    /// The request id in the log.
    pub request_id: Arc<str>,
    /// The client's language, for emails caused by the request.
    pub language: Language,
    /// Where the user continues after answering an email caused by the request: a path on this server, or a URL of an
    /// application. It is checked again whenever it is used.
    pub return_to: Option<Arc<str>>,
}

impl RequestInfo {
    /// Creates one for an operation that does not come over the network.
    pub fn local(request_id: &'static str) -> Self {
        Self {
            address: None,
            user_agent: None,
            device: None,
            request_id: request_id.into(),
            language: Language::default(),
            return_to: None,
        }
    }

    /// Returns the network for rate limits and known networks.
    pub fn prefix(&self) -> Option<AddressPrefix> {
        self.address.map(AddressPrefix::of)
    }
}

/// Sanitizes a `User-Agent` for storage and display.
pub fn readable_user_agent(text: &str) -> Option<String> {
    let readable: String = text.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect();
    (!readable.is_empty()).then_some(readable)
}
