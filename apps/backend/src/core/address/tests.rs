//! Tests of the client's IP address behind proxies.

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
fn a_70_headers_of_an_untrusted_proxy_are_ignored() {
    assert_eq!(client("192.0.2.7", &[("x-forwarded-for", "203.0.113.9")]), "192.0.2.7");
    assert_eq!(
        client("::ffff:192.0.2.7", &[("forwarded", "for=203.0.113.9")]),
        "192.0.2.7"
    );
}

#[test]
fn r_66_the_rightmost_untrusted_hop_is_the_client() {
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
fn r_66_a_client_cannot_change_what_its_proxy_appends() {
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
