//! Requests that this server makes by itself: to addresses that its operator wrote into the settings, and to no other.
//! Bounded in time and size, without redirects, with the system's certificates (SECURITY.md F-23).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use tokio::time::timeout;

use super::telemetry;

/// The most time that a request may take, to the last byte of its answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// The most bytes of an answer that are read.
const LARGEST_ANSWER: usize = 64 << 10;
/// The same, where the answer may be a status list.
const LARGEST_LIST: usize = 4 << 20;

/// A client that keeps its connections. Cloning it is cheap.
#[derive(Clone)]
pub struct Outbound(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// Why a request was not accepted. No text of it holds what was sent.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address is none, or TLS cannot be used on this machine.
    #[error("the request cannot be made: {0}")]
    Unusable(String),
    /// No answer within three seconds.
    #[error("no answer in time")]
    TimedOut,
    /// Nobody answers there.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It said no, or sent elsewhere.
    #[error("it answered {0}")]
    Status(StatusCode),
}

impl Outbound {
    /// A client.
    ///
    /// # Errors
    /// [`OutboundError::Unusable`].
    pub fn new() -> Result<Self, OutboundError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| OutboundError::Unusable(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .build(connector.wrap_connector(tcp));
        Ok(Self(client))
    }

    /// Sends any request, and gives any answer whole.
    ///
    /// # Errors
    /// [`OutboundError`], but not for its status.
    pub async fn ask(
        &self,
        request: Request<Full<Bytes>>,
        patience: Duration,
    ) -> Result<Response<Bytes>, OutboundError> {
        let exchange = async {
            let answer = self.0.request(request).await;
            let (parts, body) = answer
                .map_err(|error| OutboundError::Unreachable(root(&error)))?
                .into_parts();
            let body = Limited::new(body, LARGEST_LIST).collect().await;
            let body = body.map_err(|_| OutboundError::Unreachable("its answer broke off, or is too long".into()))?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        timeout(patience, exchange)
            .await
            .unwrap_or(Err(OutboundError::TimedOut))
    }

    /// Posts a body and gives the headers of a good answer (2xx).
    ///
    /// # Errors
    /// [`OutboundError`].
    pub async fn post(&self, url: &str, content_type: HeaderValue, body: Bytes) -> Result<HeaderMap, OutboundError> {
        let mut request = Request::post(url)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::USER_AGENT, concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))
            .map_err(|error| OutboundError::Unusable(error.to_string()))?;
        telemetry::inject(request.headers_mut());
        timeout(PATIENCE, self.exchange(request))
            .await
            .unwrap_or(Err(OutboundError::TimedOut))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<HeaderMap, OutboundError> {
        let answer = self.0.request(request).await;
        let (parts, body) = answer
            .map_err(|error| OutboundError::Unreachable(root(&error)))?
            .into_parts();
        // Read to its end, or the connection could not be used again; what it says does not matter.
        let _ = Limited::new(body, LARGEST_ANSWER).collect().await;
        match parts.status {
            status if status.is_success() => Ok(parts.headers),
            status => Err(OutboundError::Status(status)),
        }
    }
}

/// What is at the bottom of an error, which is what helps: a refused connection, an unknown certificate.
fn root(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}
