//! The encryption of connections: rustls with aws-lc-rs, with certificates always verified.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::{Roots, Security};
use crate::OpenError;

/// The maximum length of a file with root certificates, in bytes. Those of an operating system have about 200 KB.
const LONGEST: u64 = 4 << 20;

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
                let unreadable = |why: &dyn std::fmt::Display| OpenError::Tls(format!("{path}: {why}"));
                let text = certificates(path.as_ref()).map_err(|why| unreadable(&why))?;
                let read = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
                store.add_parsable_certificates(read.map_err(|why| unreadable(&why))?)
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

/// Reads a file with certificates. It must be a regular file: a device may have no end, and a pipe no writer. The flags keep
/// opening it from waiting, and from making a terminal ours.
fn certificates(path: &Path) -> io::Result<Vec<u8>> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut text = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut text)?;
    match text.len() as u64 <= LONGEST {
        true => Ok(text),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than 4 MB")),
    }
}
