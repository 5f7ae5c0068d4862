//! `[provider]`: signing in to other applications (OAuth 2.1, OpenID Connect).

use std::time::Duration;

use super::pages::PageUrl;
use super::section::section;
use super::value_error::ValueError;
use super::values::Values;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

section! {
    /// Signing in to other applications.
    Provider "provider." {
        /// Whether to enable the OpenID provider, for clients registered with `countersign clients create` or in
        /// `[[clients]]`. If it is disabled, its endpoints return 404, and the metadata does not list them.
        enabled: bool = "true",
        /// The lifetime of clients' access tokens: 1m to 24h. An API can have a shorter one.
        #[warning = "APIs that do not check for revocation accept a stolen token for this long"]
        access_ttl: Duration = "10m",
        /// The lifetime of ID tokens: 1m to 24h. Clients read them once, when a user signs in.
        id_token_ttl: Duration = "1h",
        /// The URL schemes without a dot that clients may use in redirect URIs, for applications that have registered such a
        /// scheme with the operating system. Schemes with a dot, such as `com.example.app`, are always allowed.
        #[warning = "any program on a user's device can register such a scheme, especially one whose usual program is not installed"]
        native_schemes: Vec<String> = "cursor,vscode,vscode-insiders,windsurf,zed,claude",
        /// The URL of your documentation for client developers, published in the metadata.
        #[default_is = "none"]
        documentation_uri: Option<PageUrl> = "",
        /// The URL of your policy on how clients may use data about users, published in the metadata.
        #[default_is = "none"]
        policy_uri: Option<PageUrl> = "",
        /// The URL of your terms of service for client developers, published in the metadata.
        #[default_is = "none"]
        tos_uri: Option<PageUrl> = "",
    }
}

impl Provider {
    /// Returns the longest lifetime of the tokens of a grant.
    pub fn longest_ttl(&self) -> Duration {
        self.access_ttl.max(self.id_token_ttl)
    }

    pub(super) fn check(&self, values: &mut Values) {
        values.within("provider.access_ttl", self.access_ttl, MINUTE..=DAY);
        values.within("provider.id_token_ttl", self.id_token_ttl, MINUTE..=DAY);
        // RFC 3986 §3.1, in lower case as redirect URIs write it.
        let is_scheme = |scheme: &String| {
            let mut bytes = scheme.bytes();
            bytes.next().is_some_and(|first| first.is_ascii_lowercase())
                && bytes.all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.')
                })
                && !matches!(scheme.as_str(), "http" | "https")
        };
        let wrong = self.native_schemes.iter().find(|scheme| !is_scheme(scheme));
        values.require(
            wrong.is_none(),
            &["provider.native_schemes"],
            ValueError::new(
                format!(
                    "{:?} is not a URL scheme without a dot",
                    wrong.map(String::as_str).unwrap_or_default()
                ),
                "expected one in lower case and without a colon, such as vscode",
            ),
        );
    }
}
