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

    /// Returns the cookie's value in a request. If there are two, one of them was planted, so neither is used.
    pub fn read(self, origin: &Origin, headers: &HeaderMap) -> Option<String> {
        let name = self.name(origin);
        let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut values = pairs
            .flat_map(|pairs| pairs.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(found, _)| *found == name)
            .map(|(_, value)| value.to_owned());
        let value = values.next();
        value.filter(|_| values.next().is_none())
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
