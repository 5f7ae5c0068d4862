//! Who may connect: so many in all, and so many of one address. Behind a trusted proxy the same holds for each client, by the
//! requests that it has under way: else one client could take every place through it, with requests that are slow to come,
//! slow to be answered, or held.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use ipnet::IpNet;

use crate::core::address::ClientAddress;

/// Counts the connections that are open.
#[derive(Clone)]
pub(super) struct Admission(Arc<Door>);

struct Door {
    max: usize,
    max_per_address: usize,
    trusted: Vec<IpNet>,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    /// Requests under way, by the client behind a trusted proxy.
    by_client: HashMap<IpAddr, usize>,
}

/// A request that is under way for a client behind a trusted proxy, until it is dropped.
pub(super) struct UnderWay {
    door: Arc<Door>,
    client: IpAddr,
}

/// One place, given back when it is dropped.
pub(super) struct Place {
    door: Arc<Door>,
    counted: Option<IpAddr>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// All places are taken.
    Full,
    /// This address has all the places that one address may have.
    AddressFull,
    /// This client behind a trusted proxy has as many requests under way as one address may have places.
    ClientFull,
}

impl Admission {
    pub(super) fn new(max: usize, max_per_address: usize, trusted: Vec<IpNet>) -> Self {
        Self(Arc::new(Door {
            max,
            max_per_address,
            trusted,
            inside: Mutex::default(),
        }))
    }

    /// A place for a connection from `peer`. Trusted proxies connect for many clients and are not counted by address.
    pub(super) fn admit(&self, peer: IpAddr) -> Result<Place, Refused> {
        let peer = peer.to_canonical();
        let counted = (!self.0.trusts(peer)).then(|| neighbourhood(peer));
        let mut inside = self.0.lock();
        if inside.total >= self.0.max {
            return Err(Refused::Full);
        }
        if let Some(address) = counted {
            let count = inside.by_address.entry(address).or_default();
            if *count >= self.0.max_per_address {
                return Err(Refused::AddressFull);
            }
            *count += 1;
        }
        inside.total += 1;
        Ok(Place {
            door: self.0.clone(),
            counted,
        })
    }
}

impl Admission {
    /// Lets a request through that came from `peer`. It is counted for its client, if the peer is a trusted proxy and the
    /// client is not one, too: what the proxies ask by themselves is nobody's in particular.
    pub(super) fn let_through(&self, peer: IpAddr, headers: &HeaderMap) -> Result<Option<UnderWay>, Refused> {
        if !self.0.trusts(peer.to_canonical()) {
            return Ok(None);
        }
        let client = ClientAddress::of(peer, headers, &self.0.trusted).ip();
        if self.0.trusts(client) {
            return Ok(None);
        }
        let client = neighbourhood(client);
        let mut inside = self.0.lock();
        let count = inside.by_client.entry(client).or_default();
        if *count >= self.0.max_per_address {
            return Err(Refused::ClientFull);
        }
        *count += 1;
        Ok(Some(UnderWay {
            door: self.0.clone(),
            client,
        }))
    }
}

impl Door {
    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Nothing panics while it is held, and counters have no broken state.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.door.lock();
        inside.total -= 1;
        if let Some(address) = self.counted {
            give_back(&mut inside.by_address, address);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        give_back(&mut self.door.lock().by_client, self.client);
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

/// One host has a whole IPv6 /64 to itself (RFC 6177), so it is counted as one address.
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
        let admission = Admission::new(3, 2, vec![]);
        let first = admission.admit(ip("10.0.0.1")).ok().unwrap();
        let _second = admission.admit(ip("::ffff:10.0.0.1")).ok().unwrap();
        assert_eq!(admission.admit(ip("10.0.0.1")).err(), Some(Refused::AddressFull));
        let _other = admission.admit(ip("10.0.0.2")).ok().unwrap();
        assert_eq!(admission.admit(ip("10.0.0.3")).err(), Some(Refused::Full));
        drop(first);
        assert!(admission.admit(ip("10.0.0.1")).is_ok());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let admission = Admission::new(10, 1, vec![]);
        let _one = admission.admit(ip("2001:db8:0:1::1")).ok().unwrap();
        assert_eq!(
            admission.admit(ip("2001:db8:0:1:ffff::2")).err(),
            Some(Refused::AddressFull)
        );
        assert!(admission.admit(ip("2001:db8:0:2::1")).is_ok());
    }

    #[test]
    fn trusted_proxies_are_held_to_the_total_only() {
        let admission = Admission::new(2, 1, vec!["10.0.0.0/8".parse().unwrap()]);
        let _places = [
            admission.admit(ip("10.0.0.1")).ok().unwrap(),
            admission.admit(ip("10.0.0.1")).ok().unwrap(),
        ];
        assert_eq!(admission.admit(ip("10.0.0.1")).err(), Some(Refused::Full));
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let admission = Admission::new(2, 1, vec![]);
        drop(admission.admit(ip("10.0.0.1")));
        assert!(admission.0.lock().by_address.is_empty());
        assert_eq!(admission.0.lock().total, 0);
    }
}
