//! What is known about a request, as far as a session or the audit log may remember it.

use std::net::IpAddr;
use std::sync::Arc;

use super::device::DeviceHash;
use super::language::Language;
use super::limits::AddressPrefix;

/// Devices introduce themselves at length; this many characters are enough to recognise one.
const MAX_USER_AGENT: usize = 256;

/// A request: the client's IP address, its device, its language, and the request's id. Who sent it is the business of
/// [`Caller`](super::caller::Caller).
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// The client's IP address, as the trusted proxies report it; none for what does not come over the network. A request over
    /// the network without one is refused, or it would escape the limits.
    pub address: Option<IpAddr>,
    /// The `User-Agent`, shortened, without control characters.
    pub user_agent: Option<String>,
    /// The device cookie of a browser, hashed. Only the pages give one and read it.
    pub device: Option<DeviceHash>,
    /// The id under which the log knows the request.
    pub request_id: Arc<str>,
    /// The client's language, for the emails that the request leads to.
    pub language: Language,
}

impl RequestInfo {
    /// What does not come over the network.
    pub fn local(request_id: &'static str) -> Self {
        Self {
            address: None,
            user_agent: None,
            device: None,
            request_id: request_id.into(),
            language: Language::default(),
        }
    }

    /// The network that rate limits and known places are counted by.
    pub fn prefix(&self) -> Option<AddressPrefix> {
        self.address.map(AddressPrefix::of)
    }
}

/// A `User-Agent` as it may be kept and shown.
pub fn readable_user_agent(text: &str) -> Option<String> {
    let readable: String = text.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect();
    (!readable.is_empty()).then_some(readable)
}
