//! Opens connections over TCP and TLS.

use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;

use crate::{Certificates, TlsError};

const CONNECT_TIME: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(15);

#[cfg(feature = "tls")]
pub(crate) type Connector = hyper_rustls::HttpsConnector<HttpConnector>;
#[cfg(not(feature = "tls"))]
pub(crate) type Connector = HttpConnector;

#[cfg(feature = "tls")]
pub(crate) fn new(certificates: Certificates) -> Result<Connector, TlsError> {
    use std::sync::Arc;

    use rustls::ClientConfig;
    use rustls::crypto::aws_lc_rs;

    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| TlsError)?
        .with_root_certificates(certificates.0)
        .with_no_client_auth();
    let mut tcp = tcp();
    tcp.enforce_http(false);
    Ok(hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp))
}

#[cfg(not(feature = "tls"))]
#[expect(clippy::unnecessary_wraps, reason = "with TLS it can fail")]
pub(crate) fn new(_: Certificates) -> Result<Connector, TlsError> {
    Ok(tcp())
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIME));
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp
}
