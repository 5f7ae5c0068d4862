//! Where each request of a connection begins and ends, and whether there is only one way to read that.
//!
//! Request smuggling lives on two readings of one byte stream. hyper is lenient where a proxy in front may not be (a
//! bare LF ends a line, any list of transfer codings that ends in `chunked` is chunked, Transfer-Encoding removes
//! Content-Length) and leaves no trace of it in the request that it hands over. So the bytes are read once more on
//! their way to hyper: every head, the first of a connection and every later one, is judged by the grammar of RFC 9112
//! without its leniences, and its verdict waits for the request that hyper makes of it.
//!
//! A request whose end is not followed here (chunked, or at fault) must be the last one of its connection.

use std::collections::VecDeque;
use std::net::Ipv6Addr;

use http::HeaderValue;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, ORIGIN};

use crate::core::layers::EarlyRequest;

/// The longest head that is looked at. hyper answers 431 well before.
const MAX_BYTES: usize = 256 * 1024;

/// The bytes of one connection, cut into requests.
pub struct Framing {
    part: Part,
    /// The lines of the head that is coming in, or was the last to come.
    head: Vec<u8>,
    /// Where the line that is coming in begins.
    line: usize,
    /// Whether the head is whole: the next line is of another one.
    whole: bool,
    /// What was found out about heads whose requests hyper has not handed over.
    verdicts: VecDeque<Result<(), FramingError>>,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// A head, or the empty lines before it.
    Head,
    /// A body of which so many bytes are still to come.
    Body(u64),
    /// The last request of the connection: where it ends does not matter.
    Last,
}

/// What is wrong with a request, in words for the client.
pub type FramingError = &'static str;

impl Framing {
    /// A connection on which nothing has come yet.
    pub fn new() -> Self {
        Self {
            part: Part::Head,
            head: Vec::new(),
            line: 0,
            whole: false,
            verdicts: VecDeque::new(),
        }
    }

    /// Bytes came in.
    pub fn received(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = match self.part {
                Part::Head => self.take_line(bytes),
                Part::Body(left) => {
                    let taken = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    self.part = Part::after(left - taken as u64);
                    taken
                }
                Part::Last => return,
            };
            bytes = &bytes[taken..];
        }
    }

    /// The verdict on the request that was made of the oldest head without one.
    ///
    /// # Errors
    /// What is wrong with the request: it must be answered 400, and be the last of its connection.
    pub fn judge(&mut self) -> Result<(), FramingError> {
        if self.whole || self.part == Part::Last {
            // Connections wait long between two requests.
            self.head = Vec::new();
        }
        // What never came as one whole head is nothing that we have read as hyper has.
        self.verdicts.pop_front().unwrap_or(Err("The headers cannot be read."))
    }

    /// Whether a head has come that nothing was made of so far.
    pub(super) fn has_verdict(&self) -> bool {
        !self.verdicts.is_empty()
    }

    /// What the head tells that no request was made of, as far as it has come: lines that cannot be read are left out.
    pub(super) fn told(&self) -> EarlyRequest {
        let mut lines = lines(&self.head).skip_while(|line| line.is_empty());
        let mut told = EarlyRequest {
            path: lines.next().and_then(path),
            ..EarlyRequest::default()
        };
        let fields = lines.filter_map(Field::read);
        for field in fields {
            let known = [ORIGIN, ACCEPT, ACCEPT_LANGUAGE]
                .into_iter()
                .find(|name| field.is(name.as_str()));
            if let (Some(name), Ok(value)) = (known, HeaderValue::from_bytes(field.value)) {
                told.headers.append(name, value);
            }
        }
        told
    }

    /// Whether what has come may be the beginning of a head.
    pub(super) fn may_be_a_head(&self) -> bool {
        let mut words = self.head.splitn(2, |byte| *byte == b' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next());
        method.iter().all(is_token) && target.is_some_and(|target| target.starts_with(b"/"))
    }

    /// Takes the bytes of one line, or those of it that are there.
    fn take_line(&mut self, bytes: &[u8]) -> usize {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(bytes.len(), |end| end + 1);
        if std::mem::take(&mut self.whole) {
            self.head.clear();
            self.line = 0;
        }
        self.head.extend_from_slice(&bytes[..taken]);
        if self.head.len() > MAX_BYTES {
            self.close(Err("The headers are too large."));
        } else if end.is_some() {
            self.end_line();
        }
        taken
    }

    fn end_line(&mut self) {
        match &self.head[self.line..] {
            // RFC 9112 §2.2 allows to take it for the end of a line; whoever does not sees other headers.
            line if !line.ends_with(b"\r\n") => {
                self.close(Err("A line of the headers ends without a carriage return."));
            }
            // Empty lines before a request are skipped (RFC 9112 §2.2).
            b"\r\n" if self.line == 0 => self.whole = true,
            b"\r\n" => match Body::of(&self.head) {
                Ok(Body::Length(length)) => {
                    self.verdicts.push_back(Ok(()));
                    self.part = Part::after(length);
                    self.whole = true;
                }
                Ok(Body::Chunked) => self.close(Ok(())),
                Err(fault) => self.close(Err(fault)),
            },
            _ => self.line = self.head.len(),
        }
    }

    /// Nothing on this connection is read as a request after this one.
    fn close(&mut self, verdict: Result<(), FramingError>) {
        self.verdicts.push_back(verdict);
        self.part = Part::Last;
    }
}

impl Default for Framing {
    fn default() -> Self {
        Self::new()
    }
}

impl Part {
    fn after(left: u64) -> Self {
        if left == 0 { Self::Head } else { Self::Body(left) }
    }
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Length(u64),
    Chunked,
}

impl Body {
    /// Reads a whole head, each line of which ends in CRLF.
    fn of(head: &[u8]) -> Result<Self, FramingError> {
        let mut lines = lines(head);
        let version = version(lines.next().unwrap_or_default())?;
        let (mut hosts, mut length, mut chunked) = (0, None, false);
        for line in lines.take_while(|line| !line.is_empty()) {
            let field = Field::read(line).ok_or("A line of the headers is malformed.")?;
            if field.is("host") {
                if !is_host(field.value) {
                    return Err("The Host header is malformed.");
                }
                hosts += 1;
            } else if field.is("content-length") {
                // RFC 9112 §6.3: several that agree may be taken for one.
                let known = length.replace(field.length()?);
                if known.is_some() && known != length {
                    return Err("There are several values of Content-Length.");
                }
            } else if field.is("transfer-encoding") {
                // RFC 9112 §6.1: no coding but this one is implemented, and it may not be applied twice.
                if chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                    return Err("Transfer-Encoding may only be `chunked`.");
                }
                chunked = true;
            }
        }
        match (hosts, version) {
            (1, _) | (0, Version::Http10) => {}
            // RFC 9112 §3.2: a request of HTTP/1.1 without Host, or any request with several, is answered 400.
            (0, Version::Http11) => return Err("The Host header is missing."),
            _ => return Err("There is more than one Host header."),
        }
        match (length, chunked, version) {
            (length, false, _) => Ok(Self::Length(length.unwrap_or(0))),
            // RFC 9112 §6.1: "A server MAY reject a request that contains both".
            (Some(_), true, _) => Err("Content-Length and Transfer-Encoding exclude each other."),
            (None, true, Version::Http10) => Err("HTTP/1.0 knows no Transfer-Encoding."),
            (None, true, Version::Http11) => Ok(Self::Chunked),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

/// RFC 9112 §3: `method SP request-target SP HTTP-version`, with one space each.
fn version(line: &[u8]) -> Result<Version, FramingError> {
    let malformed = "The request line is malformed.";
    let mut words = line.split(|byte| *byte == b' ');
    let [Some(method), Some(target), Some(version), None] = [words.next(), words.next(), words.next(), words.next()]
    else {
        return Err(malformed);
    };
    if method.is_empty() || !method.iter().all(is_token) || target.is_empty() || !target.iter().all(is_visible) {
        return Err(malformed);
    }
    match version {
        b"HTTP/1.0" => Ok(Version::Http10),
        b"HTTP/1.1" => Ok(Version::Http11),
        _ => Err("Only HTTP/1.1 and HTTP/1.0 are spoken here."),
    }
}

/// The path of a request line that can be read so far.
fn path(line: &[u8]) -> Option<String> {
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target) = (words.next()?, str::from_utf8(words.next()?).ok()?);
    let is_readable = !method.is_empty() && method.iter().all(is_token) && target.starts_with('/');
    let end = target.find(['?', '#']).unwrap_or(target.len());
    is_readable.then(|| target[..end].to_owned())
}

/// RFC 9112 §5: `field-name ":" OWS field-value OWS`, on one line.
struct Field<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Field<'a> {
    /// None for a line that is folded, has blanks before its colon, or holds what no header may hold (§2.2, §5.1, §5.2).
    fn read(line: &'a [u8]) -> Option<Self> {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let readable = |byte: &u8| is_visible(byte) || is_blank(byte);
        if name.is_empty() || !name.iter().all(is_token) || !value.iter().all(readable) {
            return None;
        }
        let value = match value.iter().position(|byte| !is_blank(byte)) {
            Some(begin) => &value[begin..],
            None => &[],
        };
        let end = value.iter().rposition(|byte| !is_blank(byte)).map_or(0, |end| end + 1);
        Some(Self {
            name,
            value: &value[..end],
        })
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// RFC 9110 §8.6: `1*DIGIT`, which is less than what `u64::from_str` takes.
    fn length(&self) -> Result<u64, FramingError> {
        let digits = str::from_utf8(self.value).ok();
        digits
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .ok_or("Content-Length is not a number.")
    }
}

/// RFC 9110 §7.2: `uri-host [ ":" port ]`, or nothing. RFC 9112 §3.2: a request whose Host is anything else is answered 400.
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

/// RFC 3986 §3.2.2: `*( unreserved / pct-encoded / sub-delims )`.
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

/// The lines of a head, without their ends.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split_inclusive(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r\n").unwrap_or(line))
}

/// RFC 9110 §5.6.2: `tchar`.
fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

/// RFC 9110 §5.5: `VCHAR` or `obs-text`.
fn is_visible(byte: &u8) -> bool {
    matches!(byte, 0x21..=0x7e | 0x80..)
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests;
