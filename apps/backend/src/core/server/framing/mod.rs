//! Where each request of a connection begins and ends, and whether there is only one way to read that.
//!
//! Request smuggling lives on two readings of one byte stream. hyper is lenient where a proxy in front may not be (a
//! bare LF ends a line, any list of transfer codings that ends in `chunked` is chunked, Transfer-Encoding removes
//! Content-Length) and leaves no trace of it in the request that it hands over. So the bytes are read once more on
//! their way to hyper: every head, the first of a connection and every later one, is judged by the grammar of RFC 9112
//! without its leniences, and its verdict waits for the request that hyper makes of it.
//!
//! A request whose end is not followed here (chunked, or at fault) must be the last one of its connection.

mod head;

use std::collections::VecDeque;

use http::HeaderValue;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, ORIGIN};
use memchr::memchr;

pub use self::head::FramingError;
use self::head::{Body, Field, is_token, lines, path};
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
        self.verdicts.pop_front().unwrap_or(Err("The headers are malformed."))
    }

    /// Whether a head has come that nothing was made of so far.
    pub(super) fn has_verdict(&self) -> bool {
        !self.verdicts.is_empty()
    }

    /// What the head tells that no request was made of, as far as it has come: lines that cannot be read are left out.
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

    /// Whether what has come may be the beginning of a head.
    pub(super) fn may_be_a_head(&self) -> bool {
        let mut words = self.head.splitn(2, |byte| *byte == b' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next());
        is_token(method) && target.is_some_and(|target| target.starts_with(b"/"))
    }

    /// Takes the bytes of one line, or those of it that are there.
    fn take_line(&mut self, bytes: &[u8]) -> usize {
        let end = memchr(b'\n', bytes);
        let taken = end.map_or(bytes.len(), |end| end + 1);
        if std::mem::take(&mut self.whole) {
            self.head.clear();
            self.line = 0;
        }
        if self.head.is_empty() {
            // Most heads come whole.
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
            // RFC 9112 §2.2 allows to take it for the end of a line; whoever does not sees other headers.
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

#[cfg(test)]
mod tests;
