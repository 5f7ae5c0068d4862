//! Requests of `countersign doctor` through the public URL, as they arrived. They show the doctor which client IP address the
//! proxy forwards. Only the operator's listener reports them.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};

/// The header that marks such a request: 32 random hexadecimal digits.
pub static PROBE: HeaderName = HeaderName::from_static("countersign-doctor");
/// Enough for the doctor, which asks soon; requests of others are evicted by the next.
const KEPT: usize = 64;

/// The most recent probes. Clones share them.
#[derive(Clone, Default)]
pub struct Probes(Arc<Mutex<VecDeque<(String, Seen)>>>);

/// How a request arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The peer of its connection.
    pub peer: IpAddr,
    /// The client's IP address, as determined by this server.
    pub client: IpAddr,
    /// All `X-Forwarded-For` headers, joined.
    pub x_forwarded_for: Option<String>,
    /// All `Forwarded` headers, joined.
    pub forwarded: Option<String>,
}

impl Probes {
    /// Records a marked request and ignores others.
    pub fn note(&self, headers: &HeaderMap, peer: IpAddr, client: IpAddr) {
        let Some(mark) = headers.get(&PROBE).and_then(|mark| mark.to_str().ok()) else {
            return;
        };
        if mark.len() != 32 || !mark.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return;
        }
        let seen = Seen {
            peer,
            client,
            x_forwarded_for: joined(headers, "x-forwarded-for"),
            forwarded: joined(headers, FORWARDED.as_str()),
        };
        let mut probes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        probes.truncate(KEPT - 1);
        probes.push_front((mark.to_owned(), seen));
    }

    /// Returns what arrived with this mark.
    pub fn find(&self, mark: &str) -> Option<Seen> {
        let probes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = probes.iter().find(|(known, _)| known == mark);
        found.map(|(_, seen)| seen.clone())
    }
}

fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|line| String::from_utf8_lossy(line.as_bytes()))
        .collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}
