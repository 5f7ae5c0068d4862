//! Why a guard cannot be set up.

/// Why a guard could not be set up. That the issuer is down is no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The issuer is no `https://host` or `http://host`, with a port perhaps, and without a slash, path or user.
    #[error("the issuer must be an origin such as https://auth.example.com, without a slash at its end")]
    Issuer,
    /// The base URL is no absolute address of HTTP.
    #[error("the base URL must be an absolute http or https address")]
    BaseUrl,
    /// Keys that come over plain HTTP from elsewhere are anybody's.
    #[error("an issuer that is not on loopback must use https, unless a base URL is given")]
    PlainHttp,
    /// No certificates of authorities were found, so that no TLS connection could be trusted.
    #[error("no certificates of authorities were found on this system (install ca-certificates, or set SSL_CERT_FILE)")]
    NoCertificates,
    /// The TLS library could not be set up.
    #[error("TLS could not be set up")]
    Tls,
}
