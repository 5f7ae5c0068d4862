//! Parses the head of a request, and rejects any that is ambiguous.

use std::net::Ipv6Addr;

use memchr::memchr;

/// What is wrong with a request, as a message for the client.
pub type FramingError = &'static str;

/// How the length of a body is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Length(u64),
    Chunked,
}

impl Body {
    /// Parses a complete head, each line of which ends with CRLF.
    pub(super) fn of(head: &[u8]) -> Result<Self, FramingError> {
        let mut lines = lines(head);
        let version = version(lines.next().unwrap_or_default())?;
        let (mut hosts, mut length, mut chunked) = (0, None, false);
        for line in lines.take_while(|line| !line.is_empty()) {
            let field = Field::read(line).ok_or("A header line is malformed.")?;
            if field.is("host") {
                if !is_host(field.value) {
                    return Err("The Host header is malformed.");
                }
                hosts += 1;
            } else if field.is("content-length") {
                // RFC 9112 §6.3: several identical values may be treated as one.
                let known = length.replace(field.length()?);
                if known.is_some() && known != length {
                    return Err("Content-Length must have a single value.");
                }
            } else if field.is("transfer-encoding") {
                // RFC 9112 §6.1: no other coding is implemented, and this one must not be applied twice.
                if chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                    return Err("The only supported Transfer-Encoding is `chunked`.");
                }
                chunked = true;
            }
        }
        match (hosts, version) {
            (1, _) | (0, Version::Http10) => {}
            // RFC 9112 §3.2: an HTTP/1.1 request without Host, or any request with several, gets 400.
            (0, Version::Http11) => return Err("The Host header is missing."),
            _ => return Err("The request must have a single Host header."),
        }
        match (length, chunked, version) {
            (length, false, _) => Ok(Self::Length(length.unwrap_or(0))),
            // RFC 9112 §6.1: "A server MAY reject a request that contains both".
            (Some(_), true, _) => Err("Content-Length and Transfer-Encoding must not be combined."),
            (None, true, Version::Http10) => Err("HTTP/1.0 does not support Transfer-Encoding."),
            (None, true, Version::Http11) => Ok(Self::Chunked),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

/// Parses the request line (RFC 9112 §3): `method SP request-target SP HTTP-version`, with single spaces.
fn version(line: &[u8]) -> Result<Version, FramingError> {
    let malformed = "The request line is malformed.";
    let mut words = line.split(|byte| *byte == b' ');
    let [Some(method), Some(target), Some(version), None] = [words.next(), words.next(), words.next(), words.next()]
    else {
        return Err(malformed);
    };
    if method.is_empty() || !is_token(method) || target.is_empty() || !all(target, is_visible) {
        return Err(malformed);
    }
    match version {
        b"HTTP/1.0" => Ok(Version::Http10),
        b"HTTP/1.1" => Ok(Version::Http11),
        _ => Err("Only HTTP/1.1 and HTTP/1.0 are supported."),
    }
}

/// Returns the path of a request line that may be incomplete.
pub(super) fn path(line: &[u8]) -> Option<String> {
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target) = (words.next()?, str::from_utf8(words.next()?).ok()?);
    let is_readable = !method.is_empty() && is_token(method) && target.starts_with('/');
    let end = target.find(['?', '#']).unwrap_or(target.len());
    is_readable.then(|| target[..end].to_owned())
}

/// A header line (RFC 9112 §5): `field-name ":" OWS field-value OWS`.
pub(super) struct Field<'a> {
    name: &'a [u8],
    pub(super) value: &'a [u8],
}

impl<'a> Field<'a> {
    /// Parses a header line. `None` if it is folded, has whitespace before the colon, or contains invalid characters
    /// (§2.2, §5.1, §5.2).
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let colon = memchr(b':', line)?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.is_empty() || !is_token(name) || !all(value, |byte| is_visible(byte) || is_blank(byte)) {
            return None;
        }
        let value = match value.iter().position(|byte| !is_blank(*byte)) {
            Some(begin) => &value[begin..],
            None => &[],
        };
        let end = value.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |end| end + 1);
        Some(Self {
            name,
            value: &value[..end],
        })
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Parses `Content-Length` (RFC 9110 §8.6): `1*DIGIT`, which is stricter than `u64::from_str`.
    fn length(&self) -> Result<u64, FramingError> {
        let digits = str::from_utf8(self.value).ok();
        digits
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .ok_or("Content-Length is not a number.")
    }
}

/// Returns whether a Host value is valid: `uri-host [ ":" port ]` or empty (RFC 9110 §7.2). Any other gets 400 (RFC
/// 9112 §3.2).
fn is_host(value: &[u8]) -> bool {
    let end = match value.first() {
        Some(b'[') => value.iter().position(|byte| *byte == b']').map_or(0, |end| end + 1),
        _ => value.iter().position(|byte| *byte == b':').unwrap_or(value.len()),
    };
    let (host, port) = value.split_at(end);
    let is_port = match port {
        [] => true,
        [colon, digits @ ..] => *colon == b':' && digits.iter().all(u8::is_ascii_digit),
    };
    let is_named = match host {
        [b'[', address @ .., b']'] => str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        name => is_name(name),
    };
    is_named && is_port
}

/// Returns whether it is a `reg-name` (RFC 3986 §3.2.2): `*( unreserved / pct-encoded / sub-delims )`.
fn is_name(name: &[u8]) -> bool {
    let is_plain = |part: &[u8]| {
        part.iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte))
    };
    let mut parts = name.split(|byte| *byte == b'%');
    parts.next().is_none_or(is_plain)
        && parts.all(|part| match part {
            [high, low, rest @ ..] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit() && is_plain(rest),
            _ => false,
        })
}

/// Returns the lines of a head without their line endings.
pub(super) fn lines(mut head: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = memchr(b'\n', head).map_or(head.len(), |end| end + 1);
        let (line, rest) = head.split_at(end);
        head = rest;
        (!line.is_empty()).then(|| line.strip_suffix(b"\r\n").unwrap_or(line))
    })
}

/// Returns whether all bytes are `tchar` (RFC 9110 §5.6.2).
pub(super) fn is_token(name: &[u8]) -> bool {
    all(name, |byte| TOKEN[usize::from(byte)])
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
        byte += 1;
    }
    table
};

/// Returns whether the byte is `VCHAR` or `obs-text` (RFC 9110 §5.5).
fn is_visible(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e | 0x80..)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Like `Iterator::all`, but without an early exit, so that the compiler can process several bytes at once.
fn all(bytes: &[u8], is: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, byte| all & is(*byte))
}
