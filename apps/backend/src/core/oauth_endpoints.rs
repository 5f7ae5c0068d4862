//! Paths of the OpenID provider that several features name.

/// The UserInfo endpoint (OpenID Connect Core §5.3).
pub const USERINFO: &str = "/oauth2/userinfo";

/// Returns the audience of access tokens for the UserInfo endpoint: its URL.
pub fn userinfo_audience(issuer: &str) -> String {
    format!("{issuer}{USERINFO}")
}
