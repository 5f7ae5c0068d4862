//! The network of a limit: an IPv4 address, or an IPv6 /64, which is what a customer gets.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::core::address::ClientAddress;

/// A client's IP address as seen by limits (security requirement R-66). All of an IPv6 /64 is one; an IPv4-mapped IPv6 address is
/// the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressPrefix(IpAddr);

impl AddressPrefix {
    /// Returns the prefix of an IP address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        })
    }

    /// Returns whether the network is unknown. All such clients are limited together, and none is a known network.
    pub fn is_unknown(self) -> bool {
        self == Self::of(ClientAddress::UNKNOWN.ip())
    }

    pub fn network(self) -> IpAddr {
        self.0
    }

    /// Returns the whole site: an IPv4 address, or an IPv6 /48, the largest assignment of a customer (RFC 6177 §2). For limits so
    /// low that 256 networks of a household would bypass them.
    pub fn site(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> 48))),
        }
    }

    /// Returns sixteen octets unique to this prefix.
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
    fn r_66_an_ipv6_network_of_64_bits_counts_as_one_client_and_mapped_addresses_as_ipv4() {
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
