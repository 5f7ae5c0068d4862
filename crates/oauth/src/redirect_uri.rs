//! Redirect URIs: which ones a client may register, and which ones match a registered one (RFC 6749 §3.1.2, RFC 9700
//! §2.1, RFC 8252 §7).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::uri::{Fault, host_and_port, split};

/// The only hosts of a loopback redirect, as they must be written.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// Schemes that browsers handle themselves, that contain a page or a script, or that open another program than the
/// client.
const NEVER: [&str; 26] = [
    "about",
    "blob",
    "chrome",
    "chrome-extension",
    "content",
    "data",
    "file",
    "filesystem",
    "ftp",
    "ftps",
    "gopher",
    "intent",
    "jar",
    "javascript",
    "mailto",
    "moz-extension",
    "ms-browser-extension",
    "resource",
    "sms",
    "tel",
    "urn",
    "vbscript",
    "view-source",
    "wss",
    "ws",
    "wyciwyg",
];

/// A redirect URI as it was registered. It is compared as a string and never rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri(String);

/// What receives the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A web application over TLS.
    Https,
    /// A web application without TLS, on a host other than this computer. Only where the operator allows it.
    Http,
    /// A program that listens on a port of the user's computer (RFC 8252 §7.3).
    Loopback,
    /// A program that the operating system opens for a custom scheme (RFC 8252 §7.1).
    CustomScheme,
}

/// Why a text cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRedirectUri {
    /// It is not an absolute URI.
    #[error("must be an absolute URI such as https://app.example.com/callback")]
    NotAbsolute,
    /// It is too long.
    #[error("must have at most 2000 characters")]
    TooLong,
    /// It has a fragment (RFC 6749 §3.1.2).
    #[error("must not have a fragment (the part that begins with #)")]
    Fragment,
    /// It has a user name.
    #[error("must not contain a user name or password")]
    UserInformation,
    /// It has a wildcard.
    #[error("must not contain *: register each URI in full")]
    Wildcard,
    /// It has characters that a URI cannot have.
    #[error("must contain only the ASCII characters that a URI may contain; percent-encode all others")]
    Characters,
    /// Its host is missing, or browsers would write it in another way.
    #[error("must have a host in its usual form, such as app.example.com or 127.0.0.1")]
    Host,
    /// Browsers would write its path in another way.
    #[error("must not have a path with . or .. segments")]
    Path,
    /// Its scheme has upper-case letters.
    #[error("must have a scheme in lower case")]
    SchemeCase,
    /// Its scheme is never handled by the client.
    #[error("must not have this scheme, because browsers handle it themselves")]
    Scheme,
}

impl RedirectUri {
    /// Returns the URI as it was registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the kind of the URI.
    pub fn kind(&self) -> Kind {
        let loopback = loopback(&self.0).is_some();
        match self.scheme() {
            "https" => Kind::Https,
            "http" if loopback => Kind::Loopback,
            "http" => Kind::Http,
            _ => Kind::CustomScheme,
        }
    }

    /// Returns the scheme, in lower case.
    pub fn scheme(&self) -> &str {
        self.0.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    /// Returns the host, as it was written, of an `http` or `https` URI.
    pub fn host(&self) -> Option<&str> {
        let authority = split(&self.0).ok()?.authority?;
        matches!(self.kind(), Kind::Https | Kind::Http | Kind::Loopback).then(|| host_and_port(authority).0)
    }

    /// Returns whether `presented` is this URI: byte for byte, except that the port of a loopback URI of a public client is
    /// ignored (RFC 8252 §7.3, RFC 9700 §4.1.3).
    pub fn matches(&self, presented: &str, public: bool) -> bool {
        if presented == self.0 {
            return true;
        }
        public
            && loopback(&self.0)
                .zip(loopback(presented))
                .is_some_and(|(own, other)| own == other)
    }
}

/// Returns the host and what follows the port of an `http` URI on a loopback host.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let after_scheme = uri.strip_prefix("http://")?;
    let (host, rest) = LOOPBACK
        .iter()
        .find_map(|host| after_scheme.strip_prefix(host).map(|rest| (*host, rest)))?;
    let after_port = match rest.strip_prefix(':') {
        Some(port) => {
            let end = port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len());
            let (port, rest) = port.split_at(end);
            if port.starts_with('0') || port.parse::<u16>().is_err() {
                return None;
            }
            rest
        }
        None => rest,
    };
    (after_port.is_empty() || after_port.starts_with(['/', '?'])).then_some((host, after_port))
}

impl FromStr for RedirectUri {
    type Err = InvalidRedirectUri;

    fn from_str(text: &str) -> Result<Self, InvalidRedirectUri> {
        let parts = split(text)?;
        if text.contains('*') {
            return Err(InvalidRedirectUri::Wildcard);
        }
        if parts.scheme.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidRedirectUri::SchemeCase);
        }
        if NEVER.contains(&parts.scheme) {
            return Err(InvalidRedirectUri::Scheme);
        }
        if matches!(parts.scheme, "http" | "https") {
            let authority = parts.authority.ok_or(InvalidRedirectUri::NotAbsolute)?;
            check_web(text, authority, parts.rest)?;
        }
        Ok(Self(text.to_owned()))
    }
}

/// A browser must read the host and the path as they are written: what it would rewrite, it could send elsewhere.
fn check_web(text: &str, authority: &str, rest: &str) -> Result<(), InvalidRedirectUri> {
    let read = Url::parse(text).map_err(|_| InvalidRedirectUri::Host)?;
    let (host, port) = host_and_port(authority);
    if !read.host_str().is_some_and(|read| read.eq_ignore_ascii_case(host)) || port.is_some_and(str::is_empty) {
        return Err(InvalidRedirectUri::Host);
    }
    let path = rest.split('?').next().unwrap_or_default();
    if !path.is_empty() && read.path() != path {
        return Err(InvalidRedirectUri::Path);
    }
    Ok(())
}

impl From<Fault> for InvalidRedirectUri {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooLong => Self::TooLong,
            Fault::Characters => Self::Characters,
            Fault::Relative => Self::NotAbsolute,
            Fault::Fragment => Self::Fragment,
            Fault::UserInformation => Self::UserInformation,
        }
    }
}

impl TryFrom<String> for RedirectUri {
    type Error = InvalidRedirectUri;

    fn try_from(text: String) -> Result<Self, InvalidRedirectUri> {
        text.parse()
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.0
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
