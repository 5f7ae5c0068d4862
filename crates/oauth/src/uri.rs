//! What all URIs here have in common: the characters and the outer parts of RFC 3986.

/// The maximum length of a URI, in bytes.
pub(crate) const MAX_URI: usize = 2_000;

/// A URI in parts. It has no fragment and no user information.
pub(crate) struct Parts<'a> {
    /// As written: not converted to lower case.
    pub(crate) scheme: &'a str,
    /// What follows `//`, up to the path or query; `None` without `//`.
    pub(crate) authority: Option<&'a str>,
    /// The path and query.
    pub(crate) rest: &'a str,
}

/// Why a text is not such a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    TooLong,
    Characters,
    Relative,
    Fragment,
    UserInformation,
}

/// Splits an absolute URI. Only the characters of RFC 3986 are allowed, so no parser can read another URI than this one.
pub(crate) fn split(text: &str) -> Result<Parts<'_>, Fault> {
    if text.len() > MAX_URI {
        return Err(Fault::TooLong);
    }
    if text.contains('#') {
        return Err(Fault::Fragment);
    }
    if !is_written_in_uri_characters(text) {
        return Err(Fault::Characters);
    }
    let (scheme, rest) = text.split_once(':').ok_or(Fault::Relative)?;
    if !is_scheme(scheme) || rest.is_empty() {
        return Err(Fault::Relative);
    }
    let Some(hierarchical) = rest.strip_prefix("//") else {
        return Ok(Parts {
            scheme,
            authority: None,
            rest,
        });
    };
    let end = hierarchical.find(['/', '?']).unwrap_or(hierarchical.len());
    let (authority, rest) = hierarchical.split_at(end);
    if authority.contains('@') {
        return Err(Fault::UserInformation);
    }
    Ok(Parts {
        scheme,
        authority: Some(authority),
        rest,
    })
}

/// Splits an authority into the host and, if there is a colon, the text of the port.
pub(crate) fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    let after_address = authority.rfind(']').map_or(0, |end| end + 1);
    match authority[after_address..].find(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(after_address + colon);
            (host, Some(&port[1..]))
        }
        None => (authority, None),
    }
}

/// RFC 3986 §2: unreserved, reserved without `#`, and percent-encoded characters.
fn is_written_in_uri_characters(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_allowed = match byte {
            b'%' => {
                let mut is_hex = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
                is_hex() && is_hex()
            }
            byte => byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=".contains(&byte),
        };
        if !is_allowed {
            return false;
        }
    }
    true
}

/// RFC 3986 §3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Returns whether the text is a URL that pages may link to and the server may call: `https`, or `http` too where `http` is
/// allowed, with a host and without a fragment or user information.
pub(crate) fn is_web_url(text: &str, allow_http: bool) -> bool {
    let Ok(parts) = split(text) else { return false };
    let is_web = parts.scheme == "https" || (allow_http && parts.scheme == "http");
    let has_host = parts
        .authority
        .is_some_and(|authority| !host_and_port(authority).0.is_empty());
    is_web && has_host && url::Url::parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{Fault, host_and_port, is_web_url, split};

    #[test]
    fn parts_are_those_of_rfc_3986() {
        let parts = split("https://example.com:8443/a?b=c:d//e").ok().unwrap();
        assert_eq!(
            (parts.scheme, parts.authority, parts.rest),
            ("https", Some("example.com:8443"), "/a?b=c:d//e")
        );
        let parts = split("com.example.app:/cb").ok().unwrap();
        assert_eq!(
            (parts.scheme, parts.authority, parts.rest),
            ("com.example.app", None, "/cb")
        );
        for (text, fault) in [
            ("https://a/#", Fault::Fragment),
            ("/cb", Fault::Relative),
            ("//a/cb", Fault::Relative),
            ("1a:b", Fault::Relative),
            ("a:", Fault::Relative),
            ("https://u@a/", Fault::UserInformation),
            ("https://a/ b", Fault::Characters),
            ("https://a\\b", Fault::Characters),
            ("https://a/%4", Fault::Characters),
            ("https://a/%zz", Fault::Characters),
            ("https://ä/", Fault::Characters),
            ("https://a/\n", Fault::Characters),
        ] {
            assert_eq!(split(text).err(), Some(fault), "{text:?}");
        }
    }

    #[test]
    fn a_port_follows_the_last_colon_outside_of_brackets() {
        assert_eq!(host_and_port("a"), ("a", None));
        assert_eq!(host_and_port("a:1"), ("a", Some("1")));
        assert_eq!(host_and_port("a:"), ("a", Some("")));
        assert_eq!(host_and_port("[::1]"), ("[::1]", None));
        assert_eq!(host_and_port("[::1]:80"), ("[::1]", Some("80")));
    }

    #[test]
    fn only_web_urls_are_linked_to() {
        assert!(is_web_url("https://example.com/terms?x", false) && is_web_url("http://example.com", true));
        for text in [
            "http://example.com",
            "javascript:alert(1)",
            "https:example.com",
            "https://",
            "https:///x",
            "https://a:b/",
        ] {
            assert!(!is_web_url(text, false), "{text}");
        }
    }
}
