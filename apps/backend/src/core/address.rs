//! The client's IP address. Forwarding headers are accepted only from trusted proxies.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use http::HeaderMap;
use http::header::FORWARDED;
use ipnet::IpNet;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's IP address in canonical form: an IPv4-mapped IPv6 address becomes IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The IP address of clients behind a trusted proxy that cannot be determined. All of them count as one client,
    /// distinct from the proxy and from every other client. No connection comes from 0.0.0.0/8 (RFC 6890 §2.2.2).
    pub const UNKNOWN: Self = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

    /// Returns the IP address of the client of a connection from `peer`.
    ///
    /// For a trusted peer, this is the rightmost IP address of `Forwarded` (RFC 7239) or `X-Forwarded-For` that is not
    /// itself a trusted proxy; the client may have written everything to the left of it. A proxy sets one of the two
    /// headers and passes the other on unchanged, so if they differ, neither is trusted. An unreadable or untrusted
    /// header never fails a request, and never yields the proxy's IP address, which has other limits: the result is
    /// [`UNKNOWN`](Self::UNKNOWN). Without either header, it is the peer's IP address.
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

    /// Determines the client's IP address, if the listener provides the peer's, and adds it to the request's
    /// extensions.
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

/// Returns whether `address`, in canonical form, is a configured trusted proxy.
pub fn is_trusted(address: IpAddr, trusted_proxies: &[IpNet]) -> bool {
    trusted_proxies.iter().any(|network| network.contains(&address))
}

/// Returns the rightmost hop that is not a trusted proxy, or the leftmost if all are. `None` if an unreadable hop comes
/// first.
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

/// Returns all hops of a header, from left to right across its lines. `None` if the header is missing.
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
        // The client's part may be invalid UTF-8; the part that the proxy appended is valid.
        let line = String::from_utf8_lossy(line.as_bytes());
        hops.extend(split(&line).into_iter().map(&read));
    }
    Some(hops)
}

/// Returns the elements of a `Forwarded` line, from left to right. Parsed from the end, because the client wrote the
/// beginning, and a quote that it left open must not hide what the proxy appended.
fn elements(line: &str) -> Vec<&str> {
    let (mut elements, mut end, mut quoted) = (Vec::new(), line.len(), false);
    for (at, sign) in line.char_indices().rev() {
        match sign {
            // RFC 9110 §5.6.4: a quote after a backslash is part of the text.
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

/// Parses an element (RFC 7239 §4): parameters in any order, with case-insensitive names, each once, values optionally
/// quoted.
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

/// Returns the parameters of an element. `None` if a quote is not closed.
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

/// Parses an IP address with an optional port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`,
/// `[2001:db8::1]:80`. A zone (`fe80::1%eth0`) is meaningful only on the proxy's machine, so a text with one is
/// rejected.
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
