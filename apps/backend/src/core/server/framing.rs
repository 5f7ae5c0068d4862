//! Where one request ends and the next begins: what hyper accepts and a proxy in front might read differently.
//!
//! Request smuggling lives on two readings of one byte stream. hyper reads well, but leniently in three places, of
//! which it leaves no trace in the request it hands over: it takes a bare LF for the end of a line, it lets
//! Transfer-Encoding win over Content-Length (and removes the latter), and it does not ask for Host. So the bytes of a
//! head are kept until its request comes, and looked at once more. This does not parse; hyper does.

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{Request, Version};

/// The bytes of a connection, as far as they tell where heads begin and end.
pub(super) struct Framing {
    /// Bytes that came in.
    received: u64,
    /// Bytes that belong to requests which have come whole; equal to `received` between two requests.
    consumed: u64,
    /// The head that is coming in, or none since a client sent a request before it had the answer to the last one:
    /// from then on the begin of a head is not known.
    head: Option<Vec<u8>>,
}

/// What is wrong with a request, in words for the client.
pub(super) type Fault = &'static str;

impl Framing {
    pub(super) fn new() -> Self {
        Self {
            received: 0,
            consumed: 0,
            head: Some(Vec::new()),
        }
    }

    /// Bytes came in, while a head was waited for or not.
    pub(super) fn received(&mut self, bytes: &[u8], waiting_for_head: bool) {
        if waiting_for_head && let Some(head) = &mut self.head {
            if head.is_empty() && self.received != self.consumed {
                self.head = None;
            } else {
                head.extend_from_slice(bytes);
            }
        }
        self.received = self.received.saturating_add(bytes.len() as u64);
    }

    /// A request came out of the bytes: is there only one way to read it?
    ///
    /// A chunked request must be answered with `Connection: close`: where it ended is not followed here.
    pub(super) fn check<B>(&mut self, request: &Request<B>) -> Result<(), Fault> {
        let head = self.head.take();
        let lines = head.as_deref().and_then(Lines::of_head);
        if let Some(lines) = &lines {
            self.consumed = self
                .consumed
                .saturating_add(lines.length as u64)
                .saturating_add(content_length(request));
            self.head = Some(Vec::new());
        }
        host(request)?;
        if lines.as_ref().is_some_and(|lines| lines.bare_line_feed) {
            // RFC 9112 §2.2 allows it; a proxy that does not would see other headers.
            return Err("A line of the headers ends without a carriage return.");
        }
        if !request.headers().contains_key(TRANSFER_ENCODING) {
            return Ok(());
        }
        match lines {
            // RFC 9112 §6.1: "A server MAY reject a request that contains both".
            Some(lines) if lines.content_length => Err("Content-Length and Transfer-Encoding exclude each other."),
            Some(_) => Ok(()),
            None => Err("A chunked request must wait for the answer to the request before it."),
        }
    }
}

/// RFC 9112 §3.2: a request of HTTP/1.1 without Host, or any request with several, is answered 400.
fn host<B>(request: &Request<B>) -> Result<(), Fault> {
    match request.headers().get_all(HOST).iter().count() {
        1 => Ok(()),
        0 if request.version() < Version::HTTP_11 => Ok(()),
        0 => Err("The Host header is missing."),
        _ => Err("There is more than one Host header."),
    }
}

/// hyper has checked that it is a number, and that several agree.
fn content_length<B>(request: &Request<B>) -> u64 {
    let value = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// What the lines of a whole head show.
struct Lines {
    length: usize,
    bare_line_feed: bool,
    content_length: bool,
}

impl Lines {
    /// None when the bytes end before the head does.
    fn of_head(bytes: &[u8]) -> Option<Self> {
        let mut seen = Self {
            length: 0,
            bare_line_feed: false,
            content_length: false,
        };
        let mut begun = false;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\n")?;
            let stripped = text.strip_suffix(b"\r");
            let text = stripped.unwrap_or(text);
            seen.length += line.len();
            seen.bare_line_feed |= stripped.is_none();
            seen.content_length |= starts_with_name(text, b"content-length");
            // Empty lines before the request line are skipped (RFC 9112 §2.2).
            if text.is_empty() && begun {
                return Some(seen);
            }
            begun |= !text.is_empty();
        }
        None
    }
}

fn starts_with_name(line: &[u8], name: &[u8]) -> bool {
    let Some((start, rest)) = line.split_at_checked(name.len()) else {
        return false;
    };
    start.eq_ignore_ascii_case(name) && rest.first() == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunked() -> Request<()> {
        Request::post("/")
            .header(HOST, "a")
            .header(TRANSFER_ENCODING, "chunked")
            .body(())
            .unwrap()
    }

    fn plain(length: &str) -> Request<()> {
        Request::post("/")
            .header(HOST, "a")
            .header(CONTENT_LENGTH, length)
            .body(())
            .unwrap()
    }

    #[test]
    fn a_72_a_93_both_framings_are_refused_in_either_order_and_any_case() {
        for head in [
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\ncONTENT-lENGTH: 4\r\n\r\n",
        ] {
            let mut framing = Framing::new();
            framing.received(head.as_bytes(), true);
            assert!(framing.check(&chunked()).is_err(), "{head:?}");
        }
    }

    #[test]
    fn a_chunked_request_may_follow_others_whose_end_is_known() {
        let mut framing = Framing::new();
        framing.received(b"\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab", true);
        assert_eq!(framing.check(&plain("4")), Ok(()));
        framing.received(b"cd", false);
        framing.received(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-", true);
        framing.received(b"Encoding: chunked\r\n\r\n", true);
        assert_eq!(framing.check(&chunked()), Ok(()));
    }

    #[test]
    fn a_chunked_request_behind_one_that_is_not_answered_is_refused() {
        let mut framing = Framing::new();
        let first = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd";
        let begin = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nX: ";
        framing.received(format!("{first}{begin}").as_bytes(), true);
        assert_eq!(framing.check(&plain("4")), Ok(()));
        framing.received(b"POST / HTTP/1.1\r\n\r\n", true);
        assert!(framing.check(&chunked()).is_err());
    }

    #[test]
    fn a_93_a_bare_line_feed_is_refused_in_the_head_but_not_in_the_body() {
        let mut framing = Framing::new();
        framing.received(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\n\n\n\n", true);
        assert_eq!(framing.check(&plain("4")), Ok(()));
        framing.received(b"POST / HTTP/1.1\nHost: a\r\nContent-Length: 0\r\n\r\n", true);
        assert!(framing.check(&plain("0")).is_err());
    }

    #[test]
    fn host_is_needed_once() {
        let check = |request: http::request::Builder| Framing::new().check(&request.body(()).unwrap()).is_ok();
        assert!(check(Request::get("/").header(HOST, "a")));
        assert!(check(Request::get("/").version(Version::HTTP_10)));
        assert!(!check(Request::get("/")));
        assert!(!check(Request::get("/").header(HOST, "a").header(HOST, "b")));
    }
}
