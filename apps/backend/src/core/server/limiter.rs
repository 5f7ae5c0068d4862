//! Limits connections in total and per IP address. Behind a trusted proxy, the same limit applies to each client's concurrent
//! requests; otherwise one client could take every slot through the proxy with slow or held requests.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use ipnet::IpNet;

use crate::core::address::ClientAddress;

/// Counts open connections.
#[derive(Clone)]
pub(super) struct ConnectionLimiter(Arc<Shared>);

struct Shared {
    max: usize,
    max_per_address: usize,
    trusted: Vec<IpNet>,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    /// Concurrent requests per client behind a trusted proxy.
    by_client: HashMap<IpAddr, usize>,
}

/// A concurrent request of a client behind a trusted proxy, until dropped.
pub(super) struct RequestPermit {
    shared: Arc<Shared>,
    client: IpAddr,
}

/// A slot, released when dropped.
pub(super) struct Slot {
    shared: Arc<Shared>,
    counted: Option<IpAddr>,
}

/// Why no slot is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    /// This IP address has reached its limit.
    AddressFull,
    /// This client behind a trusted proxy has reached the limit of an IP address.
    ClientFull,
}

impl ConnectionLimiter {
    pub(super) fn new(max: usize, max_per_address: usize, trusted: Vec<IpNet>) -> Self {
        Self(Arc::new(Shared {
            max,
            max_per_address,
            trusted,
            counts: Mutex::default(),
        }))
    }

    /// Acquires a slot for a connection from `peer`. Trusted proxies serve many clients and are not limited per IP address.
    pub(super) fn acquire(&self, peer: IpAddr) -> Result<Slot, Refused> {
        let peer = peer.to_canonical();
        let counted = (!self.0.trusts(peer)).then(|| neighbourhood(peer));
        let mut counts = self.0.lock();
        if counts.total >= self.0.max {
            return Err(Refused::Full);
        }
        if let Some(address) = counted {
            let count = counts.by_address.entry(address).or_default();
            if *count >= self.0.max_per_address {
                return Err(Refused::AddressFull);
            }
            *count += 1;
        }
        counts.total += 1;
        Ok(Slot {
            shared: self.0.clone(),
            counted,
        })
    }
}

impl ConnectionLimiter {
    /// Admits a request from `peer`. It is counted for its client if the peer is a trusted proxy and the client is not: requests
    /// of the proxies themselves belong to no client.
    pub(super) fn acquire_for_request(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
    ) -> Result<Option<RequestPermit>, Refused> {
        if !self.0.trusts(peer.to_canonical()) {
            return Ok(None);
        }
        let client = ClientAddress::of(peer, headers, &self.0.trusted).ip();
        if self.0.trusts(client) {
            return Ok(None);
        }
        let client = neighbourhood(client);
        let mut counts = self.0.lock();
        let count = counts.by_client.entry(client).or_default();
        if *count >= self.0.max_per_address {
            return Err(Refused::ClientFull);
        }
        *count += 1;
        Ok(Some(RequestPermit {
            shared: self.0.clone(),
            client,
        }))
    }
}

impl Shared {
    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // No code panics while holding it, and counters are always consistent.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.shared.lock();
        counts.total -= 1;
        if let Some(address) = self.counted {
            give_back(&mut counts.by_address, address);
        }
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        give_back(&mut self.shared.lock().by_client, self.client);
    }
}

fn give_back(counts: &mut HashMap<IpAddr, usize>, address: IpAddr) {
    if let Some(count) = counts.get_mut(&address) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&address);
        }
    }
}

/// A host may have a whole IPv6 /64 (RFC 6177), so that counts as one IP address.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_take_every_place_and_gives_them_back() {
        let limiter = ConnectionLimiter::new(3, 2, vec![]);
        let first = limiter.acquire(ip("10.0.0.1")).ok().unwrap();
        let _second = limiter.acquire(ip("::ffff:10.0.0.1")).ok().unwrap();
        assert_eq!(limiter.acquire(ip("10.0.0.1")).err(), Some(Refused::AddressFull));
        let _other = limiter.acquire(ip("10.0.0.2")).ok().unwrap();
        assert_eq!(limiter.acquire(ip("10.0.0.3")).err(), Some(Refused::Full));
        drop(first);
        assert!(limiter.acquire(ip("10.0.0.1")).is_ok());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let limiter = ConnectionLimiter::new(10, 1, vec![]);
        let _one = limiter.acquire(ip("2001:db8:0:1::1")).ok().unwrap();
        assert_eq!(
            limiter.acquire(ip("2001:db8:0:1:ffff::2")).err(),
            Some(Refused::AddressFull)
        );
        assert!(limiter.acquire(ip("2001:db8:0:2::1")).is_ok());
    }

    #[test]
    fn trusted_proxies_are_held_to_the_total_only() {
        let limiter = ConnectionLimiter::new(2, 1, vec!["10.0.0.0/8".parse().unwrap()]);
        let _slots = [
            limiter.acquire(ip("10.0.0.1")).ok().unwrap(),
            limiter.acquire(ip("10.0.0.1")).ok().unwrap(),
        ];
        assert_eq!(limiter.acquire(ip("10.0.0.1")).err(), Some(Refused::Full));
    }

    #[test]
    fn closed_connections_leave_no_entries() {
        let limiter = ConnectionLimiter::new(2, 1, vec![]);
        drop(limiter.acquire(ip("10.0.0.1")));
        assert!(limiter.0.lock().by_address.is_empty());
        assert_eq!(limiter.0.lock().total, 0);
    }
}
