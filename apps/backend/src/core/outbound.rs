//! Requests that this server makes by itself: to addresses that its operator wrote into the settings, and to no other.
//! Bounded in time and size, without redirects, with the system's certificates (SECURITY.md F-23).

use std::time::Duration;

use bytes::Bytes;
use countersign_http_client::{Answer, Certificates, HttpClient, HttpError, Limits};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;

use super::trace_context;

/// The most time that a request may take, to the last byte of its answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// The most bytes of an answer that are read.
const LARGEST_ANSWER: usize = 64 << 10;
/// The same, where the answer may be a status list.
const LARGEST_LIST: usize = 4 << 20;

/// A client that keeps its connections. Cloning it is cheap.
#[derive(Clone)]
pub struct Outbound(HttpClient);

/// Why a request was not accepted. No text of it holds what was sent.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address is none, or TLS cannot be used on this machine.
    #[error("invalid request: {0}")]
    Unusable(String),
    /// No answer within three seconds.
    #[error("timed out")]
    TimedOut,
    /// Nobody answers there.
    #[error("connection failed: {0}")]
    Unreachable(String),
    /// It said no, or sent elsewhere.
    #[error("it responded with {0}")]
    Status(StatusCode),
}

impl Outbound {
    /// A client.
    ///
    /// # Errors
    /// [`OutboundError::Unusable`].
    pub fn new() -> Result<Self, OutboundError> {
        let client = HttpClient::new(Certificates::of_system());
        client
            .map(Self)
            .map_err(|error| OutboundError::Unusable(error.to_string()))
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
        let answer = self.send(request, patience, LARGEST_LIST).await?;
        let cut_off = || OutboundError::Unreachable("the response was cut off or is too large".into());
        let mut response = Response::new(answer.body.ok_or_else(cut_off)?);
        (*response.status_mut(), *response.headers_mut()) = (answer.status, answer.headers);
        Ok(response)
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
        trace_context::inject(request.headers_mut());
        // Read to its end, or the connection could not be used again; what it says does not matter.
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
