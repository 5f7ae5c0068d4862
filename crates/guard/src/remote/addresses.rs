//! The URLs of the issuer: its public name, and where it is reached from here. Nothing outside its origin is requested.

use http::Uri;
use http::uri::Scheme;

use super::BuildError;

/// The issuer's name, and how URLs on its origin are reached.
pub(super) struct Addresses {
    issuer: String,
    origin: Origin,
    /// Scheme, host, port and an optional path, without a trailing slash.
    base: String,
    base_origin: Origin,
}

/// Scheme, host and port (RFC 6454 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    https: bool,
    host: String,
    port: u16,
}

impl Addresses {
    pub(super) fn new(issuer: String, base_url: Option<&str>) -> Result<Self, BuildError> {
        let (origin, path) = parse(&issuer).ok_or(BuildError::Issuer)?;
        // `iss` is compared as text, so a different spelling would reject all tokens.
        if issuer.ends_with('/') || path != "/" {
            return Err(BuildError::Issuer);
        }
        let base = base_url.unwrap_or(&issuer).trim_end_matches('/').to_owned();
        let (base_origin, base_path) = parse(&base).ok_or(BuildError::BaseUrl)?;
        if base_path.contains('?') {
            return Err(BuildError::BaseUrl);
        }
        if !origin.https && !origin.is_loopback() && base_url.is_none() {
            return Err(BuildError::PlainHttp);
        }
        Ok(Self {
            issuer,
            origin,
            base,
            base_origin,
        })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns where the issuer is reached from here.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Returns whether TLS may be needed at all.
    pub(super) fn use_tls(&self) -> bool {
        self.origin.https || self.base_origin.https
    }

    /// Returns whether TLS is required for everything.
    pub(super) fn need_tls(&self) -> bool {
        self.base_origin.https
    }

    /// Returns the URL of the metadata (RFC 8414 §3).
    pub(super) fn metadata(&self) -> Option<Uri> {
        self.here("/.well-known/oauth-authorization-server")
    }

    /// Returns the URL to request for a URL on the issuer's origin; `None` for any other.
    pub(super) fn on_issuer(&self, address: &str) -> Option<Uri> {
        let (origin, path) = parse(address)?;
        if origin != self.origin {
            return None;
        }
        self.here(&path)
    }

    /// The URL to request for a status list; `None` if a token must not name it. It is compared character by character, like
    /// the list's `sub`, so fetching another spelling would be useless.
    pub(super) fn of_list(&self, address: &str) -> Option<Uri> {
        let path = address.strip_prefix(&self.issuer)?;
        if !is_plain(path) {
            return None;
        }
        self.here(path)
    }

    /// The URL to request for the keys. The issuer may name another origin (a CDN) with TLS.
    pub(super) fn of_keys(&self, address: &str) -> Option<Uri> {
        let (origin, _) = parse(address)?;
        let elsewhere = || address.parse().ok().filter(|_| origin.https);
        self.on_issuer(address).or_else(elsewhere)
    }

    fn here(&self, path: &str) -> Option<Uri> {
        format!("{}{path}", self.base).parse().ok()
    }
}

impl Origin {
    fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost"
            || bare
                .parse()
                .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }
}

/// An absolute HTTP URL, split into its origin and the rest. URLs with user information are invalid.
fn parse(address: &str) -> Option<(Origin, String)> {
    let uri: Uri = address.parse().ok()?;
    let https = match uri.scheme()? {
        scheme if *scheme == Scheme::HTTPS => true,
        scheme if *scheme == Scheme::HTTP => false,
        _ => return None,
    };
    let authority = uri.authority()?;
    let port = match authority.as_str().strip_prefix(authority.host())? {
        "" => [80, 443][usize::from(https)],
        port => port.strip_prefix(':')?.parse().ok()?,
    };
    let host = authority.host().to_ascii_lowercase();
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    (!host.is_empty() && !address.contains('#')).then_some((Origin { https, host, port }, path))
}

/// Whether this is a path, optionally with a query, that URL parsers leave unchanged: the characters of RFC 3986 §3.3 and
/// §3.4 (without the apostrophe, which some escape), and no segment that §5.2.4 removes.
fn is_plain(path: &str) -> bool {
    const MARKS: &[u8] = b"._~!$&()*+,;=:@/?-";
    let mut rest = path.as_bytes();
    while let [first, others @ ..] = rest {
        rest = match (first, others) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            (first, after) if first.is_ascii_alphanumeric() || MARKS.contains(first) => after,
            _ => return false,
        };
    }
    // Also after a question mark, so that it does not matter where the query begins.
    let mut segments = path.split(['/', '?']);
    path.starts_with('/')
        && !segments.any(|segment| matches!(&*segment.replace("%2e", ".").replace("%2E", "."), "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::{Addresses, BuildError};

    fn addresses(issuer: &str, base: Option<&str>) -> Result<Addresses, BuildError> {
        Addresses::new(issuer.to_owned(), base)
    }

    #[test]
    fn an_issuer_is_a_bare_origin_with_tls_or_at_home() {
        for good in [
            "https://a.example",
            "https://a.example:8443",
            "http://127.0.0.1:8000",
            "http://localhost",
            "http://[::1]:80",
        ] {
            assert!(addresses(good, None).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "https://",
            "https://a.example/",
            "https://a.example/x",
            "https://a.example?x",
            "https://a.example#x",
            "https://u@a.example",
            "ftp://a.example",
            "https://a.example:",
            "https://ä.example",
        ] {
            assert!(matches!(addresses(bad, None), Err(BuildError::Issuer)), "{bad}");
        }
        for plain in [
            "http://a.example",
            "http://10.0.0.1",
            "http://127.0.0.1.example",
            "http://localhost.example",
        ] {
            assert!(matches!(addresses(plain, None), Err(BuildError::PlainHttp)), "{plain}");
            assert!(addresses(plain, Some("http://auth:8000")).is_ok(), "{plain}");
        }
        for bad in ["auth:8000", "ftp://auth", "http://auth/?x", "http://u@auth"] {
            assert!(
                matches!(addresses("https://a.example", Some(bad)), Err(BuildError::BaseUrl)),
                "{bad}"
            );
        }
    }

    #[test]
    fn only_the_issuers_origin_is_asked() {
        let here = addresses("https://a.example", None).unwrap();
        let at = |address: &str| here.on_issuer(address).map(|uri| uri.to_string());
        assert_eq!(at("https://a.example/l/1?x=1").unwrap(), "https://a.example/l/1?x=1");
        assert_eq!(at("https://A.example:443/l/1").unwrap(), "https://a.example/l/1");
        for foreign in [
            "http://a.example/l",
            "https://a.example:444/l",
            "https://b.example/l",
            "https://a.example.b/l",
            "https://a.example@b/l",
            "https://b@a.example/l",
            "//a.example/l",
            "/l",
            "",
            "https:///l",
            "https://a.example\\@b/l",
            "https://a.example/l#x",
            "file:///l",
            " https://a.example/l",
        ] {
            assert_eq!(at(foreign), None, "{foreign}");
        }
        assert!(here.of_keys("https://cdn.example/jwks").is_some());
        assert!(here.of_keys("http://cdn.example/jwks").is_none());
    }

    #[test]
    fn a_list_has_one_spelling() {
        let here = addresses("https://a.example", None).unwrap();
        for good in ["/l/1", "/l/1?x=1", "/", "/l%20/.../.a/a.", "//l"] {
            let uri = format!("https://a.example{good}");
            assert_eq!(here.of_list(&uri).unwrap().to_string(), uri);
        }
        for bad in [
            "https://A.example/l",
            "HTTPS://a.example/l",
            "https://a.example:443/l",
            "https://a.example",
            "https://a.example?x",
            "https://a.example.b/l",
            "https://a.example@b/l",
            "https://a.example\\l",
            "https://a.example/l#",
            "https://a.example/l 1",
            "https://a.example/l\n",
            "https://a.example/ä",
            "https://a.example/'",
            "https://a.example/%",
            "https://a.example/%2",
            "https://a.example/%zz",
            "https://a.example/./l",
            "https://a.example/x/../l",
            "https://a.example/x/%2E%2e/l",
            "https://a.example/x/.",
            "https://a.example/..?x",
            " https://a.example/l",
        ] {
            assert_eq!(here.of_list(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_base_stands_for_the_origin() {
        let here = addresses("https://a.example", Some("http://auth:8000/x/")).unwrap();
        let at = |address: &str| here.on_issuer(address).map(|uri| uri.to_string());
        assert_eq!(at("https://a.example/l/1").unwrap(), "http://auth:8000/x/l/1");
        assert_eq!(at("http://auth:8000/l/1"), None);
        assert_eq!(
            here.metadata().unwrap().to_string(),
            "http://auth:8000/x/.well-known/oauth-authorization-server"
        );
    }
}
