//! Why a guard cannot be set up.

/// Why a guard could not be built. An issuer that is down is not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The issuer is not `https://host` or `http://host`, optionally with a port, without a slash, path or user.
    #[error("the issuer must be an origin such as https://auth.example.com, without a slash at its end")]
    Issuer,
    /// The base URL is not an absolute HTTP URL.
    #[error("the base URL must be an absolute http or https address")]
    BaseUrl,
    /// The issuer is on another host and uses plain HTTP, so its keys could be substituted.
    #[error("an issuer that is not on loopback must use https, unless a base URL is given")]
    PlainHttp,
    /// No CA certificates were found, so no TLS connection could be trusted.
    #[error("no certificates of authorities were found on this system (install ca-certificates, or set SSL_CERT_FILE)")]
    NoCertificates,
    /// The TLS library could not be set up.
    #[error("TLS could not be set up")]
    Tls,
}
