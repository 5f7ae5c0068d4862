//! Which redirect URIs can be registered, and which ones match.

use proptest::prelude::*;

use super::{InvalidRedirectUri, Kind, RedirectUri};

fn registered(text: &str) -> RedirectUri {
    text.parse().unwrap()
}

const REGISTERED: &str = "https://app.example.com/callback?tenant=1";

/// O-2: what looks like a registered URI, or is read like it by some parser, does not match.
#[test]
fn o_2_only_the_registered_text_matches() {
    let uri = registered(REGISTERED);
    assert!(uri.matches(REGISTERED, true) && uri.matches(REGISTERED, false));
    let mutations = [
        "",
        " ",
        "https://app.example.com/callback",
        "https://app.example.com/callback?",
        "https://app.example.com/callback?tenant=1&",
        "https://app.example.com/callback?tenant=1&a=b",
        "https://app.example.com/callback?tenant=2",
        "https://app.example.com/callback?tenant=1#",
        "https://app.example.com/callback?tenant=1#x",
        "https://app.example.com/callback?tenant=1 ",
        " https://app.example.com/callback?tenant=1",
        "https://app.example.com/callback?tenant=1\n",
        "https://app.example.com/callback?tenant=1\0",
        "\thttps://app.example.com/callback?tenant=1",
        "https://app.example.com/callback?tenant=%31",
        "https://app.example.com/callback?Tenant=1",
        "https://app.example.com/callback;?tenant=1",
        "https://app.example.com/callback/?tenant=1",
        "https://app.example.com/Callback?tenant=1",
        "https://app.example.com/callbac%6b?tenant=1",
        "https://app.example.com/callbac%6B?tenant=1",
        "https://app.example.com/callback%00?tenant=1",
        "https://app.example.com/callback%3ftenant=1",
        "https://app.example.com/callback%2f?tenant=1",
        "https://app.example.com//callback?tenant=1",
        "https://app.example.com/./callback?tenant=1",
        "https://app.example.com/x/../callback?tenant=1",
        "https://app.example.com/%2e/callback?tenant=1",
        "https://app.example.com/x/%2e%2e/callback?tenant=1",
        "https://app.example.com/callback/..?tenant=1",
        "https://app.example.com/callback/../../evil?tenant=1",
        "https://app.example.com/callback/%2e%2e/evil?tenant=1",
        "https://app.example.com\\callback?tenant=1",
        "https:\\\\app.example.com\\callback?tenant=1",
        "https:/app.example.com/callback?tenant=1",
        "https:///app.example.com/callback?tenant=1",
        "https:app.example.com/callback?tenant=1",
        "//app.example.com/callback?tenant=1",
        "/callback?tenant=1",
        "app.example.com/callback?tenant=1",
        "http://app.example.com/callback?tenant=1",
        "HTTPS://app.example.com/callback?tenant=1",
        "Https://app.example.com/callback?tenant=1",
        "ftp://app.example.com/callback?tenant=1",
        "javascript://app.example.com/callback?tenant=1",
        "https://APP.example.com/callback?tenant=1",
        "https://app.example.COM/callback?tenant=1",
        "https://app.example.com./callback?tenant=1",
        "https://app.example.com:443/callback?tenant=1",
        "https://app.example.com:/callback?tenant=1",
        "https://app.example.com:8443/callback?tenant=1",
        "https://app.example.com:0443/callback?tenant=1",
        "https://app.example.com:443@evil.example/callback?tenant=1",
        "https://user@app.example.com/callback?tenant=1",
        "https://user:password@app.example.com/callback?tenant=1",
        "https://@app.example.com/callback?tenant=1",
        "https://app.example.com@evil.example/callback?tenant=1",
        "https://app.example.com%40evil.example/callback?tenant=1",
        "https://evil.example/app.example.com/callback?tenant=1",
        "https://evil.example/?https://app.example.com/callback?tenant=1",
        "https://evil.example#https://app.example.com/callback?tenant=1",
        "https://evil.example\\@app.example.com/callback?tenant=1",
        "https://evil.example%00app.example.com/callback?tenant=1",
        "https://app.example.com.evil.example/callback?tenant=1",
        "https://app.example.com%2eevil.example/callback?tenant=1",
        "https://evilapp.example.com/callback?tenant=1",
        "https://xapp.example.com/callback?tenant=1",
        "https://x.app.example.com/callback?tenant=1",
        "https://example.com/callback?tenant=1",
        "https://app-example.com/callback?tenant=1",
        "https://appXexample.com/callback?tenant=1",
        "https://ápp.example.com/callback?tenant=1",
        "https://аpp.example.com/callback?tenant=1",
        "https://xn--pp-8kc.example.com/callback?tenant=1",
        "https://app。example.com/callback?tenant=1",
        "https://app.example.com\u{ff0f}callback?tenant=1",
        "https://app.example.com/callback\u{ff1f}tenant=1",
        "https://app.ex\u{ad}ample.com/callback?tenant=1",
        "https://app.example.com\u{200b}/callback?tenant=1",
        "https://app.exa\tmple.com/callback?tenant=1",
        "https://app.example.com/call\nback?tenant=1",
        "https://app.example.com /callback?tenant=1",
        "https://*.example.com/callback?tenant=1",
        "https://app.example.com/*",
        "https://app.example.com/callback?tenant=1,https://evil.example/",
        "https://app.example.com/callback?tenant=1 https://evil.example/",
        "https://127.0.0.1/callback?tenant=1",
        "data:text/html,x",
        "null",
    ];
    assert!(mutations.len() >= 80, "{}", mutations.len());
    for presented in mutations {
        assert!(
            !uri.matches(presented, true) && !uri.matches(presented, false),
            "{presented:?}"
        );
    }
}

/// O-3: the port of a loopback URI is the program's choice, and nothing else is.
#[test]
fn o_3_a_public_client_chooses_the_port_of_a_loopback_uri() {
    for host in ["127.0.0.1", "[::1]", "localhost"] {
        for own in ["", ":8080"] {
            let uri = registered(&format!("http://{host}{own}/cb?a=b"));
            assert_eq!(uri.kind(), Kind::Loopback);
            assert_eq!(uri.host(), Some(host));
            for port in ["", ":1", ":80", ":8080", ":51234", ":65535"] {
                let presented = format!("http://{host}{port}/cb?a=b");
                assert!(uri.matches(&presented, true), "{presented}");
                assert_eq!(uri.matches(&presented, false), port == own, "{presented}");
            }
            for presented in [
                format!("http://{host}:/cb?a=b"),
                format!("http://{host}:0/cb?a=b"),
                format!("http://{host}:080/cb?a=b"),
                format!("http://{host}:65536/cb?a=b"),
                format!("http://{host}:99999999999/cb?a=b"),
                format!("http://{host}:-1/cb?a=b"),
                format!("http://{host}:+1/cb?a=b"),
                format!("http://{host}: 1/cb?a=b"),
                format!("http://{host}:1:2/cb?a=b"),
                format!("http://{host}:80@evil.example/cb?a=b"),
                format!("http://{host}:8080x/cb?a=b"),
                format!("http://{host}:80\\@evil.example/cb?a=b"),
                format!("http://{host}.evil.example/cb?a=b"),
                format!("http://{host}./cb?a=b"),
                format!("http://{host}/cb"),
                format!("http://{host}/CB?a=b"),
                format!("http://{host}/cb?a=b&c"),
                format!("http://{host}/cb?a=b#c"),
                format!("http://{host}:1?/cb?a=b"),
                format!("https://{host}:1/cb?a=b"),
                format!("HTTP://{host}:1/cb?a=b"),
                format!("http://user@{host}:1/cb?a=b"),
                format!("http://x{host}:1/cb?a=b"),
                "http://127.1:1/cb?a=b".to_owned(),
                "http://127.0.0.2:1/cb?a=b".to_owned(),
                "http://127.000.000.001:1/cb?a=b".to_owned(),
                "http://2130706433:1/cb?a=b".to_owned(),
                "http://0x7f.1:1/cb?a=b".to_owned(),
                "http://0.0.0.0:1/cb?a=b".to_owned(),
                "http://LOCALHOST:1/cb?a=b".to_owned(),
                "http://[0:0:0:0:0:0:0:1]:1/cb?a=b".to_owned(),
                "http://[::ffff:127.0.0.1]:1/cb?a=b".to_owned(),
                "http://[::1%25lo]:1/cb?a=b".to_owned(),
            ] {
                assert!(!uri.matches(&presented, true), "{presented}");
            }
        }
    }
    // The hosts are not each other's, and only http has the exception.
    assert!(!registered("http://localhost/cb").matches("http://127.0.0.1/cb", true));
    assert!(!registered("https://localhost/cb").matches("https://localhost:1/cb", true));
    assert!(!registered("com.example.app:/cb").matches("com.example.app:1/cb", true));
    assert!(!registered("http://intranet/cb").matches("http://intranet:81/cb", true));
    assert!(registered("http://localhost").matches("http://localhost:3000", true));
    assert!(!registered("http://localhost").matches("http://localhost:3000/", true));
}

#[test]
fn what_can_be_registered_has_a_kind() {
    for (text, kind) in [
        ("https://app.example.com", Kind::Https),
        ("https://App.Example.com:8443/cb/%7e?a=b&c", Kind::Https),
        ("https://xn--mnchen-3ya.example/cb", Kind::Https),
        ("https://[2001:db8::1]/cb", Kind::Https),
        ("https://localhost:8443/cb", Kind::Https),
        ("http://intranet:3000/cb", Kind::Http),
        ("http://127.0.0.2/cb", Kind::Http),
        ("http://localhost.evil.example/cb", Kind::Http),
        ("http://localhost/cb", Kind::Loopback),
        ("com.example.app:/cb", Kind::CustomScheme),
        ("com.example.app://host/cb", Kind::CustomScheme),
        ("com.example.app:cb", Kind::CustomScheme),
        ("vscode://publisher.extension/cb", Kind::CustomScheme),
    ] {
        let uri = registered(text);
        assert_eq!((uri.kind(), uri.as_str()), (kind, text));
    }
}

#[test]
fn c_58_what_cannot_be_registered_is_told_why() {
    use InvalidRedirectUri::{
        Characters, Fragment, Host, NotAbsolute, Path, Scheme, SchemeCase, TooLong, UserInformation, Wildcard,
    };
    let long = format!("https://a.example/{}", "x".repeat(2_000));
    for (text, why) in [
        ("", NotAbsolute),
        ("/cb", NotAbsolute),
        ("app.example.com/cb", NotAbsolute),
        ("https:app.example.com/cb", NotAbsolute),
        ("https:/app.example.com/cb", NotAbsolute),
        ("com.example.app:", NotAbsolute),
        (long.as_str(), TooLong),
        ("https://a.example/cb#", Fragment),
        ("https://a.example/cb#x", Fragment),
        ("https://u:p@a.example/cb", UserInformation),
        ("com.example.app://u@a/cb", UserInformation),
        ("https://*.example.com/cb", Wildcard),
        ("https://a.example/*", Wildcard),
        ("https://a.example/c b", Characters),
        ("https://a.example\\cb", Characters),
        ("https://ä.example/cb", Characters),
        ("https://a.example/cb\n", Characters),
        ("https://a.example/%", Characters),
        ("https:///cb", Host),
        ("https://127.1/cb", Host),
        ("https://a.example:/cb", Host),
        ("https://a.example:99999/cb", Host),
        ("https://a%2eexample/cb", Host),
        ("https://[::1/cb", Host),
        ("https://[0:0::1]/cb", Host),
        ("https://a.example/x/../cb", Path),
        ("https://a.example/x/%2e%2E/cb", Path),
        ("https://a.example/./cb", Path),
        ("HTTPS://a.example/cb", SchemeCase),
        ("JavaScript:alert(1)", SchemeCase),
        ("javascript:alert(1)", Scheme),
        ("data:text/html,x", Scheme),
        ("blob:https://a.example/1", Scheme),
        ("file:///etc/passwd", Scheme),
        ("about:blank", Scheme),
        ("ws://a.example/cb", Scheme),
        ("wss://a.example/cb", Scheme),
        ("ftp://a.example/cb", Scheme),
        ("vbscript:x", Scheme),
        ("view-source:https://a.example", Scheme),
        ("intent://a#Intent;end", Fragment),
        ("intent://a", Scheme),
        ("urn:ietf:wg:oauth:2.0:oob", Scheme),
    ] {
        assert_eq!(text.parse::<RedirectUri>(), Err(why), "{text}");
    }
}

proptest! {
    /// What can be registered is read by a browser as it is written: nothing else can receive the response.
    #[test]
    fn a_browser_reads_the_registered_host(text in "https?://[a-zA-Z0-9.:@/%\\[\\]\\\\?&*-]{1,40}") {
        if let Ok(uri) = text.parse::<RedirectUri>() {
            let read = url::Url::parse(&text).unwrap();
            prop_assert_eq!(read.host_str().map(str::to_lowercase), uri.host().map(str::to_lowercase));
            prop_assert!(read.username().is_empty() && read.password().is_none() && read.fragment().is_none());
            prop_assert_eq!(read.scheme(), uri.scheme());
        }
    }

    /// Whatever is presented: if it matches, a browser sends it to the same place, apart from the port.
    #[test]
    fn what_matches_goes_to_the_same_host(
        host in "(127\\.0\\.0\\.1|\\[::1\\]|localhost)",
        after in "[:@./0-9a-c\\\\?#%]{0,16}",
    ) {
        let uri = registered(&format!("http://{host}/cb"));
        let presented = format!("http://{host}{after}/cb");
        if uri.matches(&presented, true) {
            let read = url::Url::parse(&presented).unwrap();
            prop_assert_eq!(read.host_str(), Some(host.as_str()));
            prop_assert_eq!((read.path(), read.query(), read.fragment()), ("/cb", None, None));
        }
    }
}
