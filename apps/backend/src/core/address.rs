//! Where a request comes from. A forwarding header is believed only from a proxy that the operator trusts.

#[cfg(test)]
mod tests;

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
