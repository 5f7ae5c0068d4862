//! Resource indicators (RFC 8707 §2): the identifiers of resource servers (APIs).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::uri::{host_and_port, split};

/// The identifier of a resource server in the form in which identifiers are compared: the scheme and host in lower case,
/// without the default port, and without a path that is only `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceIndicator(String);

/// The text is not the identifier of a resource server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an absolute URI without a fragment, such as https://api.example.com, of at most 2000 characters")]
pub struct InvalidResource;

impl ResourceIndicator {
    /// Returns the identifier in the form in which it is compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResourceIndicator {
    type Err = InvalidResource;

    fn from_str(text: &str) -> Result<Self, InvalidResource> {
        let parts = split(text).map_err(|_| InvalidResource)?;
        let scheme = parts.scheme.to_ascii_lowercase();
        let Some(authority) = parts.authority else {
            // `https:/x` would be read as `https://x/` by browsers.
            return match matches!(scheme.as_str(), "http" | "https") {
                true => Err(InvalidResource),
                false => Ok(Self(format!("{scheme}:{}", parts.rest))),
            };
        };
        let (host, port) = host_and_port(authority);
        if host.is_empty() || port.is_some_and(|port| !port.is_empty() && port.parse::<u16>().is_err()) {
            return Err(InvalidResource);
        }
        let default = match scheme.as_str() {
            "http" => "80",
            "https" => "443",
            _ => "",
        };
        let port = port.filter(|port| !port.is_empty() && *port != default);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let rest = if parts.rest == "/" { "" } else { parts.rest };
        Ok(Self(format!("{scheme}://{}{port}{rest}", host.to_ascii_lowercase())))
    }
}

impl TryFrom<String> for ResourceIndicator {
    type Error = InvalidResource;

    fn try_from(text: String) -> Result<Self, InvalidResource> {
        text.parse()
    }
}

impl From<ResourceIndicator> for String {
    fn from(resource: ResourceIndicator) -> Self {
        resource.0
    }
}

impl fmt::Display for ResourceIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ResourceIndicator;

    fn normal(text: &str) -> Option<String> {
        text.parse::<ResourceIndicator>().ok().map(String::from)
    }

    #[test]
    fn identifiers_are_compared_in_normal_form() {
        for text in [
            "https://api.example.com",
            "https://api.example.com/",
            "HTTPS://API.example.COM:443/",
            "https://api.example.com:",
        ] {
            assert_eq!(normal(text).as_deref(), Some("https://api.example.com"), "{text}");
        }
        for text in [
            "https://api.example.com/mcp/",
            "https://api.example.com/Mcp?a=B",
            "https://api.example.com:8443",
            "http://[::1]:8000/x",
            "urn:example:API",
            "api://orders",
        ] {
            assert_eq!(normal(text).as_deref(), Some(text), "{text}");
        }
        assert_eq!(normal("http://a:443").as_deref(), Some("http://a:443"));
        assert_eq!(normal("https://a/?").as_deref(), Some("https://a/?"));
    }

    #[test]
    fn what_is_no_absolute_uri_is_refused() {
        let long = format!("https://a/{}", "x".repeat(2_000));
        for text in [
            "",
            "/x",
            "api.example.com",
            "https:",
            "https://",
            "https:///x",
            "https:/a",
            "https://a#",
            "https://a/#b",
            "https://u@a",
            "https://a b",
            "https://a\\b",
            "https://ä",
            "https://a:99999",
            "https://a:8x",
            &long,
        ] {
            assert_eq!(normal(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own_normal_form(text in "[hHtTpPsSuU]{1,5}:(//)?[a-zA-Z.\\[\\]:0-9/?%&=]{0,30}") {
            if let Some(once) = normal(&text) {
                prop_assert_eq!(normal(&once), Some(once));
            }
        }
    }
}
