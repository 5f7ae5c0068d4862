//! Where a request comes from, as far as a session or the audit log may remember it.

use std::net::IpAddr;
use std::sync::Arc;

use super::device::DeviceHash;
use super::language::Language;
use super::limits::AddressPrefix;

/// Devices introduce themselves at length; this many characters are enough to recognise one.
const MAX_USER_AGENT: usize = 256;

/// Where a request comes from: the client's address, its device, its language, and the request's id.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// The client's address, as the trusted proxies report it; none for the command line, and only for it: what comes
    /// over the network without an address is refused, or it would escape the limits.
    pub address: Option<IpAddr>,
    /// The `User-Agent`, shortened, without control characters.
    pub user_agent: Option<String>,
    /// The device cookie of a browser, hashed. Only the pages give one and read it.
    pub device: Option<DeviceHash>,
    /// The id under which the log knows the request.
    pub request_id: Arc<str>,
    /// The language of whoever asks, for the mails that come of it.
    pub language: Language,
    /// Which operator it is, on the command line.
    pub operator: Option<Arc<str>>,
}

impl RequestInfo {
    /// An act of an operator on the command line, of whom nothing more is known.
    pub fn command_line() -> Self {
        Self {
            address: None,
            user_agent: None,
            device: None,
            request_id: "command-line".into(),
            language: Language::default(),
            operator: None,
        }
    }

    /// An act of this operator on the command line.
    pub fn of_operator(name: Arc<str>) -> Self {
        Self {
            operator: Some(name),
            ..Self::command_line()
        }
    }

    /// An act of the server by itself.
    pub fn of_server() -> Self {
        Self {
            request_id: "server".into(),
            ..Self::command_line()
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
