//! How the response of the authorization endpoint reaches the client (OAuth 2.0 Multiple Response Type Encoding Practices
//! §2.1, OAuth 2.0 Form Post Response Mode §2).

use std::fmt;
use std::str::FromStr;

use form_urlencoded::Serializer;
use serde::{Deserialize, Serialize};

/// A response mode. The default of the code flow is [`ResponseMode::Query`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In the fragment of the redirect URI, which browsers do not send to servers.
    Fragment,
    /// In a form that the browser posts to the redirect URI.
    FormPost,
}

/// The text is not the name of a supported response mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("response_mode must be query, fragment or form_post")]
pub struct InvalidResponseMode;

impl ResponseMode {
    /// All response modes, in the order of the metadata.
    pub const ALL: [Self; 3] = [Self::Query, Self::Fragment, Self::FormPost];

    /// Returns the name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }

    /// Appends the fields of a response to the text of a redirect URI, which is not changed otherwise. Without fields, and
    /// with [`ResponseMode::FormPost`], whose fields are sent in the form, it is returned as it is.
    pub fn append<'f>(self, redirect_uri: &str, fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> String {
        let fields = Serializer::new(String::new()).extend_pairs(fields).finish();
        if fields.is_empty() {
            return redirect_uri.to_owned();
        }
        let separator = match self {
            Self::FormPost => return redirect_uri.to_owned(),
            Self::Fragment => "#",
            Self::Query if !redirect_uri.contains('?') => "?",
            Self::Query if redirect_uri.ends_with(['?', '&']) => "",
            Self::Query => "&",
        };
        format!("{redirect_uri}{separator}{fields}")
    }
}

impl FromStr for ResponseMode {
    type Err = InvalidResponseMode;

    fn from_str(text: &str) -> Result<Self, InvalidResponseMode> {
        let found = Self::ALL.into_iter().find(|mode| mode.as_str() == text);
        found.ok_or(InvalidResponseMode)
    }
}

impl fmt::Display for ResponseMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::ResponseMode::{self, FormPost, Fragment, Query};

    #[test]
    fn fields_are_appended_and_nothing_else_changes() {
        let fields = [("code", "a b&c"), ("state", "+%\"<界")];
        let text = "code=a+b%26c&state=%2B%25%22%3C%E7%95%8C";
        for (mode, uri, expected) in [
            (Query, "https://a/cb", format!("https://a/cb?{text}")),
            (Query, "https://A/%7e?x=1", format!("https://A/%7e?x=1&{text}")),
            (Query, "https://a/cb?", format!("https://a/cb?{text}")),
            (Query, "https://a/cb?x&", format!("https://a/cb?x&{text}")),
            (Fragment, "https://a/cb?x=1", format!("https://a/cb?x=1#{text}")),
            (FormPost, "https://a/cb", "https://a/cb".to_owned()),
        ] {
            assert_eq!(mode.append(uri, fields), expected);
            assert_eq!(mode.append(uri, []), uri, "without fields");
        }
    }

    #[test]
    fn only_the_three_names_are_known() {
        for mode in ResponseMode::ALL {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        for text in [
            "",
            "Query",
            "query ",
            "query fragment",
            "web_message",
            "query.jwt",
            "jwt",
            "form-post",
        ] {
            assert!(text.parse::<ResponseMode>().is_err(), "{text}");
        }
    }
}
