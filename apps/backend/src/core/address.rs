//! Where a request comes from. A forwarding header is believed only from a proxy that the operator trusts.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use http::HeaderMap;
use http::header::FORWARDED;
use ipnet::IpNet;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address, in its canonical form: an IPv4 address mapped into IPv6 is an IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// A client behind a trusted proxy that nobody can tell the address of: all of them count as one client, which is
    /// neither the proxy nor anyone else. No connection comes from 0.0.0.0, nor from its neighbours (RFC 6890 §2.2.2).
    pub const UNKNOWN: Self = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

    /// The address of the client of a connection from `peer`.
    ///
    /// From a trusted peer it is the rightmost address of `Forwarded` (RFC 7239) or `X-Forwarded-For` that is not
    /// itself a trusted proxy: all to the left of it, the client may have written. A proxy sets one of the two headers
    /// and passes the other on as the client sent it, so two that disagree are both disbelieved. What cannot be read or
    /// believed never fails a request, and never gives the client the address of the proxy, whose limits are others:
    /// then the address is [`UNKNOWN`](Self::UNKNOWN). It is the peer's if neither header is there.
    pub fn of(peer: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        if !is_trusted(peer, trusted_proxies) {
            return Self(peer);
        }
        let found = |hops: Option<Vec<Option<IpAddr>>>| hops.map(|hops| client_among(&hops, trusted_proxies));
        let forwarded = found(hops(headers, FORWARDED.as_str(), elements, forwarded_hop));
        let x_forwarded_for = found(hops(
            headers,
            X_FORWARDED_FOR,
            |line| line.split(',').collect(),
            address,
        ));
        match (forwarded, x_forwarded_for) {
            (None, None) => Self(peer),
            (Some(one), Some(other)) if one != other => Self::UNKNOWN,
            (one, other) => one.or(other).flatten().map_or(Self::UNKNOWN, Self),
        }
    }

    /// The address of the client of a request, if the listener says who connects; it is left with the request.
    pub fn assign(request: &mut Request, trusted_proxies: &[IpNet]) -> Option<Self> {
        let &ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
        let address = Self::of(peer.ip(), request.headers(), trusted_proxies);
        request.extensions_mut().insert(address);
        Some(address)
    }

    pub fn ip(self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a connection from `address`, in its canonical form, comes from a proxy of the settings.
fn is_trusted(address: IpAddr, trusted_proxies: &[IpNet]) -> bool {
    trusted_proxies.iter().any(|network| network.contains(&address))
}

/// The rightmost hop that is no trusted proxy; the leftmost if all are; none if the walk meets one it cannot read.
fn client_among(hops: &[Option<IpAddr>], trusted_proxies: &[IpNet]) -> Option<IpAddr> {
    let mut last = None;
    for hop in hops.iter().rev() {
        last = Some((*hop)?);
        if last.is_some_and(|hop| !is_trusted(hop, trusted_proxies)) {
            break;
        }
    }
    last
}

/// All hops of a header, from left to right over all its lines; none if the header is not there.
fn hops(
    headers: &HeaderMap,
    name: &str,
    split: impl Fn(&str) -> Vec<&str>,
    read: impl Fn(&str) -> Option<IpAddr>,
) -> Option<Vec<Option<IpAddr>>> {
    let mut lines = headers.get_all(name).iter().peekable();
    lines.peek()?;
    let mut hops = Vec::new();
    for line in lines {
        // A client may have sent bytes that are no text; what the proxy wrote behind them is.
        let line = String::from_utf8_lossy(line.as_bytes());
        hops.extend(split(&line).into_iter().map(&read));
    }
    Some(hops)
}

/// The elements of a line of `Forwarded`, from left to right. They are looked for from its end: the client wrote the
/// begin, and a quote that it leaves open must not swallow what its proxy appended.
fn elements(line: &str) -> Vec<&str> {
    let (mut elements, mut end, mut quoted) = (Vec::new(), line.len(), false);
    for (at, sign) in line.char_indices().rev() {
        match sign {
            // RFC 9110 §5.6.4: a quote behind a backslash is part of the text.
            '"' if !quoted => quoted = true,
            '"' => {
                let before = &line[..at];
                let backslashes = before.len() - before.trim_end_matches('\\').len();
                quoted = backslashes % 2 == 1;
            }
            ',' if !quoted => {
                elements.push(&line[at + 1..end]);
                end = at;
            }
            _ => {}
        }
    }
    elements.push(&line[..end]);
    elements.reverse();
    elements
}

/// RFC 7239 §4: parameters in any order, their names in any case, each once, a value possibly in quotes.
fn forwarded_hop(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in parameters(element)? {
        let (name, value) = pair.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("for") && found.replace(unquoted(value.trim())).is_some() {
            return None;
        }
    }
    address(found?)
}

/// The parameters of an element; none if a quote is left open.
fn parameters(element: &str) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = element.split(|sign| {
        match sign {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        sign == ';' && !quoted
    });
    let parts = parts.collect();
    (!quoted).then_some(parts)
}

fn unquoted(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value)
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
/// A zone (`fe80::1%eth0`) means something to the proxy's machine alone: it is no part of an address here.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .filter(|bare| bare.contains(':'))
        .unwrap_or(text);
    let address = bare
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()?;
    Some(IpAddr::to_canonical(&address)).filter(|address| !address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";
    const NOBODY: &str = "0.0.0.0";

    fn client(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "2001:db8:ffff::/48"]
            .map(|text| text.parse().unwrap())
            .to_vec();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        ClientAddress::of(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_70_a_header_from_anyone_else_is_ignored() {
        assert_eq!(client("192.0.2.7", &[("x-forwarded-for", "203.0.113.9")]), "192.0.2.7");
        assert_eq!(
            client("::ffff:192.0.2.7", &[("forwarded", "for=203.0.113.9")]),
            "192.0.2.7"
        );
    }

    #[test]
    fn r_66_the_rightmost_hop_that_is_no_proxy_is_the_client() {
        let cases = [
            ("203.0.113.9", "203.0.113.9"),
            ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
            ("198.51.100.1, 203.0.113.9, 10.0.0.2,10.9.9.9", "203.0.113.9"),
            ("garbage, 203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::1, 10.0.0.2", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("10.0.0.7, 10.0.0.2", "10.0.0.7"),
        ];
        for (value, expected) in cases {
            assert_eq!(client(PROXY, &[("x-forwarded-for", value)]), expected, "{value}");
            assert_eq!(
                client("::ffff:10.0.0.1", &[("x-forwarded-for", value)]),
                expected,
                "{value}"
            );
        }
        assert_eq!(
            client("2001:db8:ffff::1", &[("x-forwarded-for", "203.0.113.9")]),
            "203.0.113.9"
        );
        let lines = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(client(PROXY, &lines), "198.51.100.1", "the last line is the nearest");
    }

    #[test]
    fn rfc_7239_examples_are_read() {
        let cases = [
            ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17"),
            ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("For=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("proto=http;by=\"a,b;for=1.1.1.1\";FOR=\"192.0.2.60:80\"", "192.0.2.60"),
            ("for=192.0.2.60, for=10.1.1.1", "192.0.2.60"),
        ];
        for (value, expected) in cases {
            assert_eq!(client(PROXY, &[("forwarded", value)]), expected, "{value}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_client_of_its_own_and_never_the_proxy() {
        let cases = [
            "",
            ",",
            "\"",
            "203.0.113.9\"",
            "\"203.0.113.9\"",
            "_hidden",
            "[203.0.113.9]",
            "203.0.113.9:",
            "203.0.113.9:99999",
            "203.0.113.9 198.51.100.1",
            "::",
            "0.0.0.0",
            "unix:",
            "203.0.113.9,,",
            "unknown, 10.0.0.2",
            "unknown",
            "203.0.113.9, unknown",
            "203.0.113.9, ",
            "203.0.113.999",
            "[::1",
            "fe80::1%eth0",
            "203.0.113.9;10.0.0.1",
            "203.0.113.9, \u{fffd}",
        ];
        for value in cases {
            assert_eq!(client(PROXY, &[("x-forwarded-for", value)]), NOBODY, "{value:?}");
            assert_eq!(client(PROXY, &[("forwarded", value)]), NOBODY, "{value:?}");
        }
        for value in [
            "for=203.0.113.9;for=198.51.100.1",
            "for=198.51.100.1;x",
            "for=198.51.100.1;x=\"",
            "for=\"198.51.100.1\\\"",
            "for=",
            "for=\"\"",
            "for=fe80::1%eth0",
            "for=\"[fe80::1%25eth0]\"",
            "for=_hidden",
            "for=unknown",
            "for=\"203.0.113.9",
            "by=203.0.113.9",
            "for=\"[::1]:port\"",
        ] {
            assert_eq!(client(PROXY, &[("forwarded", value)]), NOBODY, "{value:?}");
        }
        assert_eq!(client(PROXY, &[]), PROXY);
    }

    #[test]
    fn r_66_nothing_that_a_client_writes_reaches_what_its_proxy_appends() {
        for begin in [
            "\"", "a\"b", "\\\"", "x=\"\\", "for=\"", "\u{fffd}", "\u{e9}\"", "\";", "=;=\",\"",
        ] {
            let value = format!("{begin}, 203.0.113.9");
            assert_eq!(
                client(PROXY, &[("x-forwarded-for", &value)]),
                "203.0.113.9",
                "{value:?}"
            );
            for appended in [
                "for=203.0.113.9",
                "for=\"203.0.113.9:80\";by=\"a, \\\"b\"",
                "by=\"\\\\\"; for=203.0.113.9",
            ] {
                let value = format!("{begin}, {appended}");
                assert_eq!(client(PROXY, &[("forwarded", &value)]), "203.0.113.9", "{value:?}");
            }
        }
    }

    #[test]
    fn two_headers_count_only_if_they_agree() {
        let both = |forwarded, x| client(PROXY, &[("forwarded", forwarded), ("x-forwarded-for", x)]);
        assert_eq!(both("for=203.0.113.9", "203.0.113.9"), "203.0.113.9");
        assert_eq!(both("for=203.0.113.1", "203.0.113.9"), NOBODY);
        assert_eq!(both("for=unknown", "203.0.113.9"), NOBODY);
    }
}
