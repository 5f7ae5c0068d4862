//! Web origins (RFC 6454), and the issuer, which is one.
//!
//! An origin is compared as text, byte by byte: only the one spelling that browsers send is accepted.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use super::value::Value;
use super::value_error::ValueError;

/// A web origin: scheme, host and, unless it is the scheme's own, port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    text: String,
    host: String,
    port: Option<u16>,
}

/// The issuer: the origin that is the `iss` of every token (RFC 8414 §2, without a path).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(Origin);

impl Origin {
    /// As browsers write it: `https://app.example.com`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, in lower case; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Reads an origin in the spelling of browsers, if its host is a loopback address or name, or the given host.
    pub fn of_development(text: &str, host: &str) -> Option<Self> {
        let origin = Self::parse(text).ok()?;
        (origin.is_loopback() || origin.host == host).then_some(origin)
    }

    /// Whether pages of this origin cross a network unencrypted.
    pub(super) fn leaves_unencrypted(&self) -> bool {
        !self.is_https() && !self.is_loopback()
    }

    /// The port, if it is not the scheme's own.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether browsers reach it over TLS.
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https://")
    }

    fn is_loopback(&self) -> bool {
        let address = self.host.trim_start_matches('[').trim_end_matches(']');
        // RFC 6761 §6.3: localhost and all names under it are loopback.
        let local = self.host == "localhost" || self.host.ends_with(".localhost");
        local || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl std::ops::Deref for Issuer {
    type Target = Origin;

    fn deref(&self) -> &Origin {
        &self.0
    }
}

impl Issuer {
    /// The issuer as text, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The host, in lower case; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The port, where the issuer names one.
    pub fn port(&self) -> Option<u16> {
        self.0.port
    }

    /// Whether clients reach it over TLS.
    pub fn is_https(&self) -> bool {
        self.0.is_https()
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.0.is_loopback()
    }

    /// Whether this is a server for development: without TLS, at a loopback host or as `countersign dev --lan`.
    pub fn is_development(&self) -> bool {
        !self.is_https()
    }

    /// The issuer without TLS at an IP address. Only `countersign dev --lan` has one that other machines can reach; it cannot be
    /// set.
    pub(super) fn of_address(address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        // As browsers write it: without the default port.
        let port = Some(address.port()).filter(|port| *port != 80);
        let text = port.map_or_else(|| format!("http://{host}"), |port| format!("http://{host}:{port}"));
        Self(Origin { text, host, port })
    }

    /// The issuer of a server that listens on a loopback address and has no other setting.
    pub(super) fn of_loopback(address: SocketAddr) -> Option<Self> {
        address.ip().is_loopback().then(|| Self::of_address(address))
    }
}

impl Value for Origin {
    const FORM: &'static str = "origin";
    const LIST_FORM: &'static str = "list of origins";

    fn parse(text: &str) -> Result<Self, ValueError> {
        let fault = |what: &str| {
            ValueError::new(
                format!("{text:?} {what}"),
                "expected an origin such as https://app.example.com",
            )
        };
        let scheme_of = |scheme: &&str| text.starts_with(*scheme);
        let Some(scheme) = ["https://", "http://"].into_iter().find(scheme_of) else {
            return Err(fault("must start with https:// or http://"));
        };
        let authority = &text[scheme.len()..];
        // Checked first, or the rest would be taken for a part of the port.
        if let Some(origin) = authority.strip_suffix('/').filter(|rest| !rest.contains(OTHER_PARTS)) {
            return Err(ValueError::new(
                format!("{text:?} must not end with a slash"),
                format!("use {scheme}{origin}"),
            ));
        }
        Self::read(text).ok_or_else(|| fault(what_is_wrong(scheme, authority)))
    }
}

impl Origin {
    /// The origin of a URL, if browsers write it like that and its host is an IP address or a name by our rules.
    fn read(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_host = match url.host()? {
            Host::Domain(name) => name.len() <= 253 && name.split('.').all(is_label),
            Host::Ipv4(_) | Host::Ipv6(_) => true,
        };
        let is_spelled_right = url.origin().ascii_serialization() == text;
        (is_host && is_spelled_right).then(|| Self {
            text: text.to_owned(),
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port(),
        })
    }
}

impl Value for Issuer {
    const FORM: &'static str = "origin; `http` on loopback hosts only";

    fn parse(text: &str) -> Result<Self, ValueError> {
        let example = "expected an origin such as https://auth.example.com";
        let origin = Origin::parse(text).map_err(|fault| match fault.what.ends_with("end with a slash") {
            true => fault,
            false => ValueError::new(fault.what, example),
        })?;
        match origin.is_https() || origin.is_loopback() {
            true => Ok(Self(origin)),
            false => Err(ValueError::new(
                format!("{text:?} must use https: over http, passwords and tokens are sent unencrypted"),
                example,
            )),
        }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

/// What begins another part of a URL, or ends its user name.
const OTHER_PARTS: [char; 5] = ['/', '?', '#', '@', '\\'];

/// Why the text after the scheme is not an origin.
fn what_is_wrong(scheme: &str, authority: &str) -> &'static str {
    if authority.contains(OTHER_PARTS) {
        return host_fault(authority);
    }
    // The colons of an IPv6 address are inside brackets.
    let with_port = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']'));
    match with_port.filter(|(host, _)| Origin::read(&format!("{scheme}{host}")).is_some()) {
        None => host_fault(authority),
        Some((_, port)) => match port.parse::<u16>() {
            Err(_) => "has an invalid port",
            Ok(number) if number.to_string() != port => "has a port with leading zeros",
            Ok(_) => "must not name the default port of its scheme",
        },
    }
}

/// A part of a name: letters, digits and hyphens (RFC 1123 §2.1) in lower case.
fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&label.len()) && label.bytes().all(allowed) && !label.starts_with('-') && !label.ends_with('-')
}

fn host_fault(authority: &str) -> &'static str {
    match authority {
        "" => "has no host",
        text if text.contains('@') => "must not contain a user name",
        text if text.contains(OTHER_PARTS) => "must consist of scheme, host and port only",
        text if text.contains('*') => "must not contain a wildcard: list each origin",
        text if !text.is_ascii() => "must have its host in ASCII form (xn--…)",
        text if text.bytes().any(|byte| byte.is_ascii_uppercase()) => "must have its host in lower case",
        text if text.matches(':').count() > 1 && !text.contains('[') => "must have its IPv6 address in brackets",
        _ => "has an invalid host",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_in_one_spelling_only() {
        for text in [
            "https://a.example",
            "http://a.example:8080",
            "https://[2001:db8::1]:8443",
            "https://192.0.2.1",
        ] {
            assert_eq!(Origin::parse(text).unwrap().as_str(), text);
        }
        let refused = [
            "",
            "*",
            "null",
            "a.example",
            "ftp://a.example",
            "HTTPS://a.example",
            "https://",
            "https://A.example",
            "https://a.example/",
            "https://a.example/x",
            "https://a.example?x",
            "https://a.example#x",
            "https://u@a.example",
            "https://u:p@a.example",
            "https://*.example",
            "https://a.example:443",
            "http://a.example:80",
            "https://a.example:0443",
            "https://a.example:",
            "https://a.example:65536",
            "https://a.example:+8",
            "https://a..example",
            "https://a.example.",
            "https://-a.example",
            "https://a_b",
            "https://münchen.example",
            "https://127.1",
            "https://0x7f.1",
            "https://[::0001]",
            "https://[::1",
            "https://::1",
            "https://a.example b",
            "https://a.example,https://b.example",
            " https://a.example",
        ];
        for text in refused {
            assert!(Origin::parse(text).is_err(), "{text:?}");
        }
    }

    /// RFC 1035 §2.3.4.
    #[test]
    fn a_host_is_no_longer_than_a_name_may_be() {
        let label = "a".repeat(63);
        let of = |last: usize| format!("https://{label}.{label}.{label}.{}", "a".repeat(last));
        assert!(Origin::parse(&of(61)).is_ok());
        assert!(Origin::parse(&of(62)).is_err());
        assert!(Origin::parse(&format!("https://{label}a.example")).is_err());
    }

    #[test]
    fn the_issuer_in_a_network_is_written_as_browsers_do() {
        for (address, text) in [
            ("192.168.1.20:8000", "http://192.168.1.20:8000"),
            ("192.168.1.20:80", "http://192.168.1.20"),
            ("[fd00::2]:8000", "http://[fd00::2]:8000"),
        ] {
            let issuer = Issuer::of_address(address.parse().unwrap());
            let read = Origin::read(text).unwrap();
            assert_eq!(
                (issuer.as_str(), issuer.host(), issuer.port()),
                (text, read.host.as_str(), read.port)
            );
        }
    }

    #[test]
    fn an_issuer_without_tls_is_for_loopback_alone() {
        for text in [
            "http://localhost:8000",
            "http://a.localhost",
            "http://127.8.9.1:8000",
            "http://[::1]:8000",
        ] {
            let issuer = Issuer::parse(text).unwrap();
            assert!(issuer.is_loopback() && !issuer.is_https(), "{text}");
        }
        let issuer = Issuer::parse("https://auth.example.com:8443").unwrap();
        assert!(issuer.is_https() && !issuer.is_loopback());
        assert_eq!((issuer.host(), issuer.port()), ("auth.example.com", Some(8443)));
        for text in [
            "http://auth.example.com",
            "http://notlocalhost",
            "http://192.168.0.1",
            "http://localhost.example",
        ] {
            assert!(Issuer::parse(text).is_err(), "{text}");
        }
    }
}
