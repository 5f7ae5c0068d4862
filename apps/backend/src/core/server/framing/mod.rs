//! Determines where each request of a connection begins and ends, and rejects ambiguous ones.
//!
//! Request smuggling exploits two interpretations of the same bytes. hyper is lenient where a proxy in front may not be
//! (a bare LF ends a line, any list of transfer codings that ends in `chunked` is chunked, Transfer-Encoding removes
//! Content-Length), and the request does not show it. So the bytes are also parsed here on their way to hyper: every
//! head on a connection is checked against the strict grammar of RFC 9112, and the result is kept for the request that
//! hyper creates from it.
//!
//! A request whose end is not tracked here (chunked or invalid) must be the last on its connection.

mod head;

use std::collections::VecDeque;

use http::HeaderValue;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, ORIGIN};
use memchr::memchr;

pub use self::head::FramingError;
use self::head::{Body, Field, is_token, lines, path};
use crate::core::layers::EarlyRequest;

/// The maximum size of a head that is parsed. hyper answers 431 well before.
const MAX_BYTES: usize = 256 * 1024;

/// Splits the bytes of a connection into requests.
pub struct Framing {
    part: Part,
    /// The lines of the current or the most recent head.
    head: Vec<u8>,
    /// The start of the current line.
    line: usize,
    /// Whether the head is complete; the next line then belongs to another one.
    whole: bool,
    /// The results for heads whose requests hyper has not delivered yet.
    verdicts: VecDeque<Result<(), FramingError>>,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// A head, or the empty lines before it.
    Head,
    /// A body with this number of bytes remaining.
    Body(u64),
    /// The last request of the connection, whose end does not matter.
    Last,
}

impl Framing {
    /// Creates the state of a new connection.
    pub fn new() -> Self {
        Self {
            part: Part::Head,
            head: Vec::new(),
            line: 0,
            whole: false,
            verdicts: VecDeque::new(),
        }
    }

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

    /// Returns the result for the oldest head whose request has not been checked yet.
    ///
    /// # Errors
    /// What is wrong with the request. It must be answered with 400 and be the last on its connection.
    pub fn judge(&mut self) -> Result<(), FramingError> {
        if self.whole || self.part == Part::Last {
            // Release the memory, since a connection may be idle for long between requests.
            self.head = Vec::new();
        }
        // Without a complete head, our parsing and that of hyper differ.
        self.verdicts.pop_front().unwrap_or(Err("The headers are malformed."))
    }

    /// Returns whether there is a complete head without a request.
    pub(super) fn has_verdict(&self) -> bool {
        !self.verdicts.is_empty()
    }

    /// Returns the readable part of a head without a request. Unreadable lines are skipped.
    pub(super) fn early_request(&self) -> EarlyRequest {
        let mut lines = lines(&self.head).skip_while(|line| line.is_empty());
        let mut request = EarlyRequest {
            path: lines.next().and_then(path),
            ..EarlyRequest::default()
        };
        let fields = lines.filter_map(Field::read);
        for field in fields {
            let known = [ORIGIN, ACCEPT, ACCEPT_LANGUAGE]
                .into_iter()
                .find(|name| field.is(name.as_str()));
            if let (Some(name), Ok(value)) = (known, HeaderValue::from_bytes(field.value)) {
                request.headers.append(name, value);
            }
        }
        request
    }

    /// Returns whether the received bytes may be the start of a head.
    pub(super) fn may_be_a_head(&self) -> bool {
        let mut words = self.head.splitn(2, |byte| *byte == b' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next());
        is_token(method) && target.is_some_and(|target| target.starts_with(b"/"))
    }

    /// Consumes the bytes of one line, or the available part of it.
    fn take_line(&mut self, bytes: &[u8]) -> usize {
        let end = memchr(b'\n', bytes);
        let taken = end.map_or(bytes.len(), |end| end + 1);
        if std::mem::take(&mut self.whole) {
            self.head.clear();
            self.line = 0;
        }
        if self.head.is_empty() {
            // Most heads arrive in one piece.
            self.head.reserve(bytes.len().min(MAX_BYTES));
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
            // RFC 9112 §2.2 allows a bare LF as a line ending, but a recipient that does not accept it sees other
            // headers.
            line if !line.ends_with(b"\r\n") => {
                self.close(Err("A header line must end with CRLF."));
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

    /// Stops parsing requests on this connection after this one.
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

#[cfg(test)]
mod tests;
