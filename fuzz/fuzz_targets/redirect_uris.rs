//! Any text as a registered and as a presented redirect URI: a browser sends the response to the registered host only.
#![no_main]

use countersign_oauth::{Kind, RedirectUri, ResponseMode};
use libfuzzer_sys::fuzz_target;
use url::Url;

fuzz_target!(|texts: (&str, &str)| {
    let (registered, presented) = texts;
    let Ok(uri) = registered.parse::<RedirectUri>() else {
        return;
    };
    assert!(uri.matches(registered, true) && uri.matches(registered, false));
    assert!(registered.is_ascii() && !registered.contains(['#', '*', '\\', ' ']));
    if uri.kind() != Kind::CustomScheme {
        let read = Url::parse(registered).expect("a browser reads it");
        assert!(read.username().is_empty() && read.password().is_none());
        let host = uri.host().expect("it has a host");
        assert!(read.host_str().is_some_and(|read| read.eq_ignore_ascii_case(host)));
        for mode in ResponseMode::ALL {
            let answer = Url::parse(&mode.append(registered, [("code", "x"), ("state", "a&b#c")])).expect("a URL");
            assert_eq!((answer.host_str(), answer.path()), (read.host_str(), read.path()));
        }
    }
    if uri.matches(presented, true) && presented != registered {
        assert_eq!(uri.kind(), Kind::Loopback);
        let (own, other) = (Url::parse(registered), Url::parse(presented));
        let (own, other) = (own.expect("a browser reads it"), other.expect("a browser reads it"));
        assert_eq!(
            (own.host_str(), own.path(), own.query()),
            (other.host_str(), other.path(), other.query())
        );
        assert!(other.username().is_empty() && other.password().is_none() && other.fragment().is_none());
    }
    assert!(!uri.matches(presented, false) || presented == registered);
});
