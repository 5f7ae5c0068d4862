use super::*;

const GOOD: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab\nc";
const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Ambiguous or invalid heads.
const AMBIGUOUS: [&str; 56] = [
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\n",
    "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: y\nContent-Length: 4\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: y\rContent-Length: 4\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX\0: y\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tContent-Length: 4\r\n\r\n",
    "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length\t: 4\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: \x0b5\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nCONTENT-lENGTH: 4\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: \u{e9}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: a?b\r\n\r\n",
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\tHTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n",
];

fn verdicts(parts: &[&str]) -> Vec<bool> {
    let mut framing = Framing::new();
    for part in parts {
        framing.received(part.as_bytes());
    }
    framing.verdicts.iter().map(Result::is_ok).collect()
}

#[test]
fn a_72_a_93_ambiguous_requests_are_refused_also_on_a_reused_connection() {
    for head in AMBIGUOUS {
        assert_eq!(verdicts(&[head, GOOD]), [false], "{head:?}");
        assert_eq!(verdicts(&[GOOD, head, GOOD]), [true, false], "later: {head:?}");
        let piped = [GOOD, GOOD, head, GOOD].concat();
        assert_eq!(verdicts(&[&piped]), [true, true, false], "at once: {head:?}");
    }
}

#[test]
fn the_cut_of_the_bytes_does_not_matter() {
    for head in AMBIGUOUS.into_iter().chain([GOOD, CHUNKED]) {
        let whole = format!("\r\n{GOOD}\r\n\r\n{head}{GOOD}");
        let bytes: Vec<_> = whole.split_inclusive(|_| true).collect();
        assert_eq!(verdicts(&bytes), verdicts(&[&whole]), "{whole:?}");
    }
}

#[test]
fn what_has_one_reading_is_taken() {
    for head in [
        "GET / HTTP/1.0\r\n\r\n",
        "GET /%ff?a=\"b\" HTTP/1.1\r\nhost:a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: my_host.example:8080\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a%C3%A9:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::ffff:192.0.2.1]:80\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\t0 \r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: \u{e9} \t y\r\nX:\r\n\r\n",
    ] {
        assert_eq!(verdicts(&[head, GOOD, CHUNKED]), [true; 3], "{head:?}");
    }
}

#[test]
fn nothing_is_a_request_behind_a_chunked_one() {
    let mut framing = Framing::new();
    framing.received(format!("{CHUNKED}0\r\n\r\n{GOOD}").as_bytes());
    assert_eq!(framing.judge(), Ok(()));
    assert!(framing.judge().is_err());
}

#[test]
fn a_head_without_end_is_not_kept() {
    let mut framing = Framing::new();
    for _ in 0..300 {
        framing.received(&[b'x'; 1024]);
    }
    assert!(framing.head.len() <= MAX_BYTES + 1024);
    assert!(framing.judge().is_err());
}

#[test]
fn the_origin_is_known_before_the_head_is_whole() {
    let origin = |head: &str| {
        let mut framing = Framing::new();
        framing.received(head.as_bytes());
        let request = framing.early_request();
        request
            .headers
            .get(ORIGIN)
            .map(|value| value.to_str().unwrap_or_default().to_owned())
    };
    let begin = "GET / HTTP/1.1\r\nHost: a\r\norigin:  https://a.example \r\nX: ";
    assert_eq!(origin(begin).as_deref(), Some("https://a.example"));
    assert_eq!(origin(&format!("{GOOD}{begin}")).as_deref(), Some("https://a.example"));
    assert_eq!(
        origin(&format!("{begin}\r\n\r\n")).as_deref(),
        Some("https://a.example")
    );
    assert_eq!(origin(GOOD), None);
}
