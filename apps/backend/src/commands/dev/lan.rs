//! The IP address in the local network at which a phone reaches `countersign dev --lan`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use crate::commands::Failure;

/// The port where none is given, as on loopback.
const PORT: u16 = 8000;
/// An IP address of another network (RFC 5737). It is only used to ask the system for a route; nothing is sent to it.
const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(198, 51, 100, 1), 9);

/// Returns the IP address and port to listen on: the one given, or this machine's own in its private network. Only one
/// address is used, so that the server cannot be reached over a VPN or another interface.
///
/// # Errors
/// [`Failure`] with exit code 78 if the given address is not one that other machines can use, or if there is none in a
/// private network.
pub(super) fn address(listen: Option<&str>) -> Result<SocketAddr, Failure> {
    let Some(text) = listen else {
        return match own_address() {
            Some(address) if is_private(address) => Ok(SocketAddr::new(address, PORT)),
            _ => Err(Failure::of_configuration(format!(
                "this machine has no IP address on a private network: connect to the same network as the phone, or \
                 pass the IP address, such as --listen 192.168.1.20:{PORT}"
            ))),
        };
    };
    let refused = |what: &str| {
        Failure::of_configuration(format!(
            "--listen {text} {what}: with --lan, use this machine's IP address on its local network, such as \
             192.168.1.20:{PORT}"
        ))
    };
    let address: SocketAddr = text.parse().map_err(|_| refused("is not an IP address and port"))?;
    match address.ip() {
        ip if ip.is_loopback() || ip.to_canonical().is_loopback() => Err(refused("is a loopback address")),
        ip if ip.is_unspecified() || ip.to_canonical().is_unspecified() => Err(refused("stands for all networks")),
        ip if ip.is_multicast() => Err(refused("is a multicast address")),
        _ => Ok(address),
    }
}

/// Returns the IPv4 address with which this machine reaches other networks.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(ELSEWHERE).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Returns whether the internet has no route to an IP address.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_documentation() || is_shared(ip),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// RFC 6598: the addresses behind a carrier's translation, also used by overlay networks.
fn is_shared(ip: Ipv4Addr) -> bool {
    matches!(ip.octets(), [100, 64..=127, _, _])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_internet_are_not_chosen() {
        for private in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.20",
            "169.254.7.7",
            "100.64.0.1",
            "fd00::1",
            "fe80::1",
        ] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in [
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "0.0.0.0",
            "127.0.0.1",
            "2001:4860::1",
        ] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn a_given_address_is_one_of_another_machine_s_reach() {
        for refused in [
            "127.0.0.1:8000",
            "[::1]:8000",
            "[::ffff:127.0.0.1]:8000",
            "0.0.0.0:8000",
            "[::]:0",
            "224.0.0.1:1",
            "192.168.1.20",
            "laptop.local:8000",
            "",
        ] {
            assert!(address(Some(refused)).is_err(), "{refused}");
        }
        for taken in ["192.168.1.20:8000", "[fd00::2]:9000", "203.0.113.7:8000"] {
            assert_eq!(address(Some(taken)).unwrap(), taken.parse().unwrap());
        }
    }
}
