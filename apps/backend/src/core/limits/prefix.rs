//! The network that a limit counts for: one IPv4 address, or an IPv6 /64, which is what one customer gets.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::core::address::ClientAddress;

/// A client's address as limits see it (SECURITY.md R-66). All addresses of an IPv6 /64 are one; an IPv4 address that
/// is mapped into IPv6 is the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressPrefix(IpAddr);

impl AddressPrefix {
    /// The prefix that an address lies in.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        })
    }

    /// Whether nobody can tell which network it is: all of whom that is true are limited together, and none is known by it.
    pub fn is_unknown(self) -> bool {
        self == Self::of(ClientAddress::UNKNOWN.ip())
    }

    pub fn network(self) -> IpAddr {
        self.0
    }

    /// Where it lies in whole: an IPv4 address, or an IPv6 /48, which is the most that one customer gets (RFC 6177 §2). For
    /// limits that count so few that 256 networks of a household would be no limit.
    pub fn site(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> 48))),
        }
    }

    /// Sixteen octets that no other prefix has.
    pub(super) fn octets(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        }
    }
}

impl fmt::Display for AddressPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_66_one_network_of_64_bits_is_one_client_and_mapped_addresses_are_folded() {
        let prefix = |address: &str| AddressPrefix::of(address.parse().unwrap());
        assert_eq!(prefix("2001:db8:1:2:3:4:5:6"), prefix("2001:0DB8:1:2::"));
        assert_ne!(prefix("2001:db8:1:2::"), prefix("2001:db8:1:3::"));
        assert_eq!(prefix("::ffff:192.0.2.1"), prefix("192.0.2.1"));
        assert_ne!(prefix("192.0.2.1"), prefix("192.0.2.2"));
        assert_ne!(prefix("192.0.2.1").octets(), prefix("::1").octets());
        assert_eq!(prefix("2001:db8:1:2:3::6").to_string(), "2001:db8:1:2::/64");
        assert_eq!(prefix("::ffff:192.0.2.1").to_string(), "192.0.2.1");
        assert_eq!(prefix("2001:db8:1:2::").site(), prefix("2001:db8:1:ffff::").site());
        assert_ne!(prefix("2001:db8:1::").site(), prefix("2001:db8:2::").site());
        assert_ne!(prefix("192.0.2.1").site(), prefix("192.0.2.2").site());
    }
}
