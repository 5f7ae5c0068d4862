//! A path on this server that no browser or proxy can interpret as anything else.

use std::borrow::Cow;
use std::str::FromStr;

use percent_encoding::percent_decode;

/// The maximum length of a path that is kept.
const MOST_BYTES: usize = 2_048;

/// A path on this server, with its query and fragment, as used in `Location`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReturnPath(String);

/// The text is not a path on this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InvalidReturnPath;

impl ReturnPath {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReturnPath {
    type Err = InvalidReturnPath;

    /// Parses a path, accepting only characters of a URL (RFC 3986 §2). The path contains no encoded characters that would
    /// split or end it when decoded, and only its last segment may be empty, because `//evil.example` names a host.
    fn from_str(text: &str) -> Result<Self, InvalidReturnPath> {
        if text.len() > MOST_BYTES || !text.bytes().all(is_of_a_url) {
            return Err(InvalidReturnPath);
        }
        let path = text.split(['?', '#']).next().and_then(|path| path.strip_prefix('/'));
        let mut segments = path.ok_or(InvalidReturnPath)?.split('/').rev();
        let last = segments.next().unwrap_or_default();
        if is_plain(last) && segments.all(|segment| !segment.is_empty() && is_plain(segment)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidReturnPath)
        }
    }
}

/// Returns whether a byte is visible ASCII that RFC 3986 allows. It excludes `\`, which browsers treat as `/`. Square
/// brackets are allowed, because they are common in queries and harmless.
fn is_of_a_url(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

/// Returns whether a segment remains a single one however often it is decoded.
fn is_plain(segment: &str) -> bool {
    let mut text = Cow::Borrowed(segment.as_bytes());
    if !percents_are_codes(&text) {
        return false;
    }
    loop {
        let decoded: Vec<u8> = percent_decode(&text).collect();
        if decoded
            .iter()
            .any(|byte| byte.is_ascii_control() || matches!(byte, b'/' | b'\\'))
        {
            return false;
        }
        if *decoded == *text {
            return true;
        }
        text = Cow::Owned(decoded);
    }
}

fn percents_are_codes(text: &[u8]) -> bool {
    let mut rest = text.split(|byte| *byte == b'%');
    rest.next();
    rest.all(|after| after.len() >= 2 && after.iter().take(2).all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_91_nothing_redirects_to_another_host() {
        for path in [
            "/",
            "/account",
            "/account?x=//y",
            "/a/b/?c=%0A#d",
            "/%C3%A4",
            "/100%2525",
        ] {
            assert_eq!(path.parse::<ReturnPath>().as_ref().map(ReturnPath::as_str), Ok(path));
        }
        let long = format!("/{}", "a".repeat(MOST_BYTES));
        for path in [
            "",
            "account",
            "//evil.example",
            "/\\evil.example",
            "/.//evil.example",
            "/%2Fevil.example",
            "/%252fevil.example",
            "/a%5Cb",
            "/a%0d%0ax",
            "/a%7F",
            "/a%",
            "/a%2",
            "/a%zz",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\r\nx: y",
            "/a\u{1}",
            "/a\u{7f}",
            "/a b",
            "/\t/evil.example",
            "/ä",
            &long,
        ] {
            assert_eq!(path.parse::<ReturnPath>(), Err(InvalidReturnPath), "{path:?}");
        }
    }
}
