//! Any forwarding headers about a client's IP address: from an untrusted client they are ignored, and they never reach what the
//! proxy appended.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use countersign::core::address::ClientAddress;
use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|headers: (Vec<u8>, Vec<u8>)| {
    let proxies: [IpNet; 2] = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().expect("a network"));
    let (stranger, proxy) = (
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
    );
    for (name, written, appended) in [
        (HeaderName::from_static("x-forwarded-for"), &headers.0, "203.0.113.9"),
        (FORWARDED, &headers.1, "for=203.0.113.9;by=\"[fd00::1]:80\""),
    ] {
        let mut map = HeaderMap::new();
        let joined = [written.as_slice(), b", ", appended.as_bytes()].concat();
        if let Ok(joined) = HeaderValue::from_bytes(&joined) {
            map.append(name, joined);
            assert_eq!(ClientAddress::of(proxy, &map, &proxies).ip().to_string(), "203.0.113.9");
        }
    }
    let mut map = HeaderMap::new();
    for (name, value) in [
        (HeaderName::from_static("x-forwarded-for"), headers.0),
        (FORWARDED, headers.1),
    ] {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            map.append(name, value);
        }
    }
    assert_eq!(ClientAddress::of(stranger, &map, &proxies).ip(), stranger);
    ClientAddress::of(proxy, &map, &proxies);
});
