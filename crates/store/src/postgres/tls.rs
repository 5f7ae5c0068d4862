//! The encryption of connections: rustls with aws-lc-rs, with certificates always verified.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::{Roots, Security};
use crate::OpenError;

/// Wherever TLS is used, the certificate chain and the host name are verified, whatever the mode is called.
pub(super) fn connector(security: &Security) -> Result<MakeRustlsConnect, OpenError> {
    let roots = match security {
        // Never used, but a connector is required.
        Security::Plain { .. } => RootCertStore::empty(),
        Security::Preferred { roots, .. } | Security::Required(roots) => roots.load()?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| OpenError::Tls(why.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

impl Roots {
    fn load(&self) -> Result<RootCertStore, OpenError> {
        let mut store = RootCertStore::empty();
        let (added, _) = match self {
            Self::System => store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
            Self::File(path) => {
                let unreadable = |why: rustls::pki_types::pem::Error| OpenError::Tls(format!("{path}: {why}"));
                let read = CertificateDer::pem_file_iter(path)
                    .map_err(unreadable)?
                    .collect::<Result<Vec<_>, _>>();
                store.add_parsable_certificates(read.map_err(unreadable)?)
            }
        };
        match (added, self) {
            (1.., _) => Ok(store),
            (0, Self::System) => Err(OpenError::Tls(
                "this system has no root certificates; set sslrootcert".into(),
            )),
            (0, Self::File(path)) => Err(OpenError::Tls(format!("{path} contains no certificate"))),
        }
    }
}
