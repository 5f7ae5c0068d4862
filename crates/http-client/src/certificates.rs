//! The trusted certificate authorities.

/// The certificate authorities that are trusted to identify servers.
pub struct Certificates(
    #[cfg(feature = "tls")] pub(crate) rustls::RootCertStore,
    #[cfg(not(feature = "tls"))] pub(crate) (),
);

impl Certificates {
    /// Trusts no one: no TLS connection can be made.
    #[must_use]
    pub fn none() -> Self {
        #[cfg(feature = "tls")]
        return Self(rustls::RootCertStore::empty());
        #[cfg(not(feature = "tls"))]
        Self(())
    }

    /// Loads those of the system; `SSL_CERT_FILE` and `SSL_CERT_DIR` override them.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn of_system() -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self(roots)
    }

    /// Returns whether there are none.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
