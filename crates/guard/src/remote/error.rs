//! Why a guard cannot be set up.

/// Why a guard could not be built. An issuer that is down is not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The issuer is not `https://host` or `http://host`, optionally with a port, without a slash, path or user.
    #[error("the issuer must be an origin such as https://auth.example.com, without a trailing slash")]
    Issuer,
    /// The base URL is not an absolute HTTP URL.
    #[error("the base URL must be an absolute http or https URL")]
    BaseUrl,
    /// The issuer is on another host and uses plain HTTP, so its keys could be substituted.
    #[error("the issuer must use https unless it is on a loopback host or a base URL is set")]
    PlainHttp,
    /// No CA certificates were found, so no TLS connection could be trusted.
    #[error("no CA certificates found on this system; install ca-certificates, or set SSL_CERT_FILE")]
    NoCertificates,
    /// The TLS library could not be set up.
    #[error("failed to set up TLS")]
    Tls,
}
