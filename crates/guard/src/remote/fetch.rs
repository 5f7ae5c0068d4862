//! One GET: bounded in time and size, without redirects, over TLS or plain.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_jose::StatusListError;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use super::BuildError;
use super::addresses::Addresses;

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("countersign-guard/", env!("CARGO_PKG_VERSION")));
/// How long an answer that is not held on purpose may take, to its last byte.
pub(super) const FETCH_TIME: Duration = Duration::from_secs(5);
const CONNECT_TIME: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(15);
const IDLE_TIME: Duration = Duration::from_secs(60);

/// A client that keeps its connections.
pub(super) struct Http(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>);

/// What is asked for.
pub(super) struct FetchRequest {
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    /// The most bytes that the body may have.
    pub(super) limit: usize,
    /// The most time that it may take, to the last byte.
    pub(super) within: Duration,
}

/// An answer that came in time and in bounds.
pub(super) struct FetchResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why there is nothing to go by.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the issuer did not answer in time")]
    TimedOut,
    #[error("the issuer cannot be reached: {0}")]
    Unreachable(String),
    #[error("the issuer answered {0}")]
    Status(StatusCode),
    #[error("the answer is cut off, or larger than it may be")]
    Body,
    #[error("the answer is not what was asked for: {0}")]
    Content(String),
    #[error("the issuer has signed a list that cannot be read: {0}")]
    Unreadable(StatusListError),
}

impl Http {
    pub(super) fn new(addresses: &Addresses) -> Result<Self, BuildError> {
        let roots = if addresses.use_tls() {
            roots()
        } else {
            RootCertStore::empty()
        };
        if roots.is_empty() && addresses.need_tls() {
            return Err(BuildError::NoCertificates);
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| BuildError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIME));
        tcp.set_keepalive(Some(KEEPALIVE));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .build(connector);
        Ok(Self(client))
    }

    pub(super) async fn fetch(&self, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let within = request.within;
        timeout(within, self.exchange(request))
            .await
            .unwrap_or(Err(FetchError::TimedOut))
    }

    async fn exchange(&self, wanted: FetchRequest) -> Result<FetchResponse, FetchError> {
        let mut request = Request::new(Empty::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = wanted.uri;
        *request.headers_mut() = wanted.headers;
        request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
        let response = self.0.request(request).await;
        let (parts, body) = response
            .map_err(|error| FetchError::Unreachable(root(&error)))?
            .into_parts();
        let body = Limited::new(body, wanted.limit).collect().await;
        Ok(FetchResponse {
            status: parts.status,
            headers: parts.headers,
            body: body.map_err(|_| FetchError::Body)?.to_bytes(),
        })
    }
}

/// What is at the bottom of an error, which is what helps: a refused connection, an unknown certificate.
fn root(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}

/// The system's certificates; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
