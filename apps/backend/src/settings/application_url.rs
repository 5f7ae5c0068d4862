//! URLs of applications: where the pages and emails lead.

use url::Url;

use super::origin::Origin;
use super::value::Value;
use super::value_error::ValueError;

/// The longest URL in bytes.
const LONGEST: usize = 2048;
const EXAMPLE: &str = "expected a URL such as https://app.example.com/orders";

/// An absolute `http` or `https` URL in the spelling of browsers, without user information.
///
/// The text is what a browser serializes, so that the browser goes where the check looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationUrl {
    text: String,
    origin: Origin,
}

impl ApplicationUrl {
    /// Reads a URL. The origin must be written as browsers write it: lower case, in ASCII, without user information
    /// or the default port. The rest is normalized as browsers do (WHATWG URL).
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return None;
        }
        let scheme = ["https://", "http://"]
            .into_iter()
            .find(|scheme| text.starts_with(scheme))?;
        let authority = text[scheme.len()..].split(['/', '?', '#']).next()?;
        // Both readings must agree: by hand, and by the parser.
        let origin = Origin::parse(&text[..scheme.len() + authority.len()]).ok()?;
        let url = Url::parse(text).ok()?;
        let agree = url.origin().ascii_serialization() == origin.as_str() && !has_user(&url);
        (agree && url.as_str().len() <= LONGEST).then(|| Self {
            text: url.into(),
            origin,
        })
    }

    /// Returns the first page of an origin.
    pub fn root_of(origin: &Origin) -> Self {
        Self {
            text: format!("{}/", origin.as_str()),
            origin: origin.clone(),
        }
    }

    /// The URL as a browser serializes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its origin.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

impl Value for ApplicationUrl {
    const FORM: &'static str = "URL";

    fn parse(text: &str) -> Result<Self, ValueError> {
        Self::read(text).ok_or_else(|| ValueError::new(format!("{text:?} is not the URL of an application"), EXAMPLE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_as_browsers_read_it() {
        let cases = [
            ("https://app.example.com", "https://app.example.com/"),
            (
                "https://app.example.com/a/../b?c=d#e",
                "https://app.example.com/b?c=d#e",
            ),
            ("https://app.example.com?x", "https://app.example.com/?x"),
            ("http://localhost:3000/%2e%2e/x", "http://localhost:3000/x"),
            (
                "https://app.example.com//evil.example/",
                "https://app.example.com//evil.example/",
            ),
            (
                "https://app.example.com/@evil.example",
                "https://app.example.com/@evil.example",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(ApplicationUrl::read(text).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let long = format!("https://app.example.com/{}", "a".repeat(LONGEST));
        for text in [
            "",
            "/",
            "//app.example.com/",
            "https:app.example.com",
            "https:/app.example.com",
            "https:///app.example.com",
            "HTTPS://app.example.com/",
            "https://App.example.com/",
            "https://app.example.com:443/",
            "https://ada@app.example.com/",
            "https://ada:secret@app.example.com/",
            "https://app.example.com@evil.example/",
            "https://app.example.com\\@evil.example/",
            "https://app.example.com\\.evil.example/",
            "https://app.example.com/a\\b",
            "https://app.example.com/ a",
            "https://app.example.com/\ta",
            "https://app.example.com/\r\nSet-Cookie: a=b",
            "https://app.example.com/\0",
            "https://app.example.com/ä",
            "https://app.example.com\u{3002}evil.example/",
            "https://app.example.com%2eevil.example/",
            "https://app.example.com./",
            "https://127.1/",
            "javascript:alert(1)",
            "javascript://app.example.com/%0aalert(1)",
            "data:text/html,x",
            "ftp://app.example.com/",
            "app://app.example.com/",
            &long,
        ] {
            assert_eq!(ApplicationUrl::read(text), None, "{text:?}");
        }
    }
}
