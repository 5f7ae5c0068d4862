//! Cookies of this host.

use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::settings::Origin;

/// A cookie that only this host can set and read, known by its plain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostCookie(pub &'static str);

impl HostCookie {
    /// Returns the cookie's name. `__Host-` binds it to this host, to TLS and to the path `/` (RFC 6265bis §4.1.3.2).
    /// Browsers refuse that prefix over http, which only loopback hosts may use. They share cookies between all ports of a
    /// host (RFC 6265 §8.5), so the name contains the port if the origin has one.
    fn name(self, origin: &Origin) -> String {
        let prefix = if origin.is_https() { "__Host-" } else { "" };
        let port = origin.port().map_or_else(String::new, |port| format!("-{port}"));
        format!("{prefix}{}{port}", self.0)
    }

    /// Returns the cookie's value in a request. If there are two, one of them was planted, so neither is used. Other cookies
    /// next to it may contain any bytes, because other applications on the domain set them.
    pub fn read(self, origin: &Origin, headers: &HeaderMap) -> Option<String> {
        let name = self.name(origin);
        let lines = headers.get_all(COOKIE).iter();
        let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let mut values = pairs.filter_map(|pair| {
            let rest = pair.trim_ascii().strip_prefix(name.as_bytes())?;
            rest.strip_prefix(b"=")
        });
        let value = values.next()?;
        match values.next() {
            Some(_) => None,
            None => String::from_utf8(value.to_vec()).ok(),
        }
    }

    /// Returns a `Set-Cookie` header for `lifetime`, or until the browser closes. `value` consists of letters, digits and
    /// `-_.~`.
    pub fn set(self, origin: &Origin, value: &str, lifetime: Option<Duration>) -> HeaderValue {
        let secure = if origin.is_https() { "; Secure" } else { "" };
        let age = lifetime.map_or_else(String::new, |lifetime| format!("; Max-Age={}", lifetime.as_secs()));
        let text = format!(
            "{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}",
            self.name(origin)
        );
        HeaderValue::try_from(text).expect("names and values are letters, digits and a few signs")
    }

    /// Returns a `Set-Cookie` header that removes the cookie.
    pub fn clear(self, origin: &Origin) -> HeaderValue {
        self.set(origin, "", Some(Duration::ZERO))
    }
}
