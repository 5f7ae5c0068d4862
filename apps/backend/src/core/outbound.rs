//! Outgoing requests of this server, only to URLs in its settings. Limited in time and size, without redirects, with
//! the system's certificates (security requirement F-23).

use std::time::Duration;

use bytes::Bytes;
use countersign_http_client::{Answer, Certificates, HttpClient, HttpError, Limits};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;

use super::trace_context;

/// The timeout of a request, until the last byte of its response.
const PATIENCE: Duration = Duration::from_secs(3);
/// The maximum size of a response, in bytes.
const LARGEST_ANSWER: usize = 64 << 10;
/// The maximum size of a response that may be a status list, in bytes.
const LARGEST_LIST: usize = 4 << 20;

/// A client with pooled connections. Cheap to clone.
#[derive(Clone)]
pub struct Outbound(HttpClient);

/// Why a request failed. The messages never contain what was sent.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The URL is invalid, or TLS is unavailable on this machine.
    #[error("invalid request: {0}")]
    Unusable(String),
    /// No response in time.
    #[error("timed out")]
    TimedOut,
    /// The connection failed.
    #[error("connection failed: {0}")]
    Unreachable(String),
    /// It said no, or sent elsewhere.
    #[error("it responded with {0}")]
    Status(StatusCode),
}

impl Outbound {
    /// Creates a client.
    ///
    /// # Errors
    /// [`OutboundError::Unusable`].
    pub fn new() -> Result<Self, OutboundError> {
        let client = HttpClient::new(Certificates::of_system());
        client
            .map(Self)
            .map_err(|error| OutboundError::Unusable(error.to_string()))
    }

    /// Sends a request and returns the whole response.
    ///
    /// # Errors
    /// [`OutboundError`], except [`OutboundError::Status`].
    pub async fn ask(
        &self,
        request: Request<Full<Bytes>>,
        patience: Duration,
    ) -> Result<Response<Bytes>, OutboundError> {
        let answer = self.send(request, patience, LARGEST_LIST).await?;
        let cut_off = || OutboundError::Unreachable("the response was cut off or is too large".into());
        let mut response = Response::new(answer.body.ok_or_else(cut_off)?);
        (*response.status_mut(), *response.headers_mut()) = (answer.status, answer.headers);
        Ok(response)
    }

    /// Posts a body and returns the headers of a successful response (2xx).
    ///
    /// # Errors
    /// [`OutboundError`].
    pub async fn post(&self, url: &str, content_type: HeaderValue, body: Bytes) -> Result<HeaderMap, OutboundError> {
        let mut request = Request::post(url)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::USER_AGENT, concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))
            .map_err(|error| OutboundError::Unusable(error.to_string()))?;
        trace_context::inject(request.headers_mut());
        // Read to the end so that the connection can be reused; the content is ignored.
        let answer = self.send(request, PATIENCE, LARGEST_ANSWER).await?;
        match answer.status {
            status if status.is_success() => Ok(answer.headers),
            status => Err(OutboundError::Status(status)),
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>, time: Duration, bytes: usize) -> Result<Answer, OutboundError> {
        let answer = self.0.send(request, Limits { time, bytes }).await;
        answer.map_err(|error| match error {
            HttpError::TimedOut => OutboundError::TimedOut,
            HttpError::Unreachable(why) => OutboundError::Unreachable(why),
            other => OutboundError::Unreachable(other.to_string()),
        })
    }
}
