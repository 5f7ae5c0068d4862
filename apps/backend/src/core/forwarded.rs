//! The request that a client sent to a reverse proxy, as the proxy describes it in `X-Forwarded-*` headers.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::header::AsHeaderName;
use http::request::Parts;
use http::{Extensions, HeaderMap, Method};
use ipnet::IpNet;

use super::address::is_trusted;
use super::platform::Platform;

const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";
const URI: &str = "x-forwarded-uri";
const METHOD: &str = "x-forwarded-method";

/// A request to a trusted proxy. The origin is unchecked text: it is compared with configured origins only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// Scheme, host and, if the client named it, port.
    pub origin: String,
    /// The path with the query, if the proxy sent it and it begins with `/`.
    pub uri: Option<String>,
    /// The method, if the proxy sent it.
    pub method: Option<Method>,
}

impl Forwarded {
    /// Reads the headers of a request from a trusted proxy. `None` if the peer is not trusted, or if the scheme or the
    /// host is missing, repeated or unreadable: a client may have written one of the two lines.
    fn of(extensions: &Extensions, headers: &HeaderMap, trusted_proxies: &[IpNet]) -> Option<Self> {
        let &ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
        Self::from_peer(peer.ip(), headers, trusted_proxies)
    }

    fn from_peer(peer: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpNet]) -> Option<Self> {
        if !is_trusted(peer.to_canonical(), trusted_proxies) {
            return None;
        }
        // Traefik names the schemes of WebSockets.
        let scheme = match only(headers, PROTO)? {
            "https" | "wss" => "https",
            "http" | "ws" => "http",
            _ => return None,
        };
        let host = only(headers, HOST)?;
        Some(Self {
            origin: format!("{scheme}://{host}"),
            uri: only(headers, URI).filter(|uri| uri.starts_with('/')).map(str::to_owned),
            method: only(headers, METHOD).and_then(|method| method.parse().ok()),
        })
    }
}

/// The request that a client sent to the proxy that sent this one, if it is a trusted proxy that describes it.
pub struct ViaProxy(pub Option<Forwarded>);

impl<S: AsRef<Platform> + Sync> FromRequestParts<S> for ViaProxy {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let trusted = &state.as_ref().settings.trusted_proxies;
        Ok(Self(Forwarded::of(&parts.extensions, &parts.headers, trusted)))
    }
}

/// Returns the value of a header that is there exactly once.
pub fn only(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    first.to_str().ok().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    const PROXY: &str = "10.0.0.1";
    const WHOLE: [(&str, &str); 4] = [
        (PROTO, "https"),
        (HOST, "app.example.com:8443"),
        (URI, "/orders/7?x=%2F"),
        (METHOD, "POST"),
    ];

    fn read(peer: &str, lines: &[(&str, &str)]) -> Option<Forwarded> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Forwarded::from_peer(peer.parse().unwrap(), &headers, &["10.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn a_trusted_proxy_is_believed() {
        let expected = Forwarded {
            origin: "https://app.example.com:8443".into(),
            uri: Some("/orders/7?x=%2F".into()),
            method: Some(Method::POST),
        };
        assert_eq!(read(PROXY, &WHOLE).as_ref(), Some(&expected));
        assert_eq!(read("::ffff:10.0.0.1", &WHOLE), Some(expected));
        let socket = [(PROTO, "wss"), (HOST, "app.example.com")];
        assert_eq!(read(PROXY, &socket).unwrap().origin, "https://app.example.com");
    }

    #[test]
    fn anything_else_says_nothing() {
        assert_eq!(read("192.0.2.7", &WHOLE), None);
        for lines in [
            &[][..],
            &[(HOST, "app.example.com")],
            &[(PROTO, "https")],
            &[(PROTO, "HTTPS"), (HOST, "app.example.com")],
            &[(PROTO, "javascript"), (HOST, "app.example.com")],
            &[(PROTO, "https, http"), (HOST, "app.example.com")],
            &[(PROTO, "https"), (PROTO, "https"), (HOST, "app.example.com")],
            &[(PROTO, "https"), (HOST, "app.example.com"), (HOST, "evil.example")],
            &[(PROTO, "https"), (HOST, "\u{e4}.example")],
        ] {
            assert_eq!(read(PROXY, lines), None, "{lines:?}");
        }
        for uri in ["", "*", "https://evil.example/", "app.example.com:443", "\u{e4}"] {
            let lines = [(PROTO, "https"), (HOST, "app.example.com"), (URI, uri)];
            assert_eq!(read(PROXY, &lines).unwrap().uri, None, "{uri}");
        }
        let twice = [
            (PROTO, "https"),
            (HOST, "a"),
            (URI, "/a"),
            (URI, "/b"),
            (METHOD, "GET"),
            (METHOD, "GET"),
        ];
        let read = read(PROXY, &twice).unwrap();
        assert_eq!((read.uri, read.method), (None, None));
    }
}
