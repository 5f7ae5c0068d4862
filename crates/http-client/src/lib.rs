//! The HTTP client of the server, the guard and the test kit: HTTP/1.1 with limits on time and size.
//!
//! It connects only to the given URL: redirects are not followed, and proxy environment variables are ignored. It does not
//! interpret the status.
//!
//! Why it is not `reqwest`: `docs/adr/0013-libraries-and-own-code.md` in the repository.

mod certificates;
mod connector;

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
pub use certificates::Certificates;
use http::request::Request;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use crate::connector::Connector;

const IDLE_TIME: Duration = Duration::from_secs(60);

/// A client that keeps its connections open. Cloning is cheap.
#[derive(Clone)]
pub struct HttpClient(Client<Connector, Full<Bytes>>);

/// The limits of a request.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The maximum time until the last byte of the response.
    pub time: Duration,
    /// The maximum size of the response body in bytes.
    pub bytes: usize,
}

/// A response with any status.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; `None` if it was incomplete or too large.
    pub body: Option<Bytes>,
}

/// Why there is no response. Its text contains no part of the request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The time limit was reached.
    #[error("timed out")]
    TimedOut,
    /// Nothing responds at that URL, or not in HTTP.
    #[error("connection failed: {0}")]
    Unreachable(String),
}

/// The TLS library cannot be initialized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to set up TLS")]
pub struct TlsError;

impl HttpClient {
    /// Creates a client that trusts these certificates.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn new(certificates: Certificates) -> Result<Self, TlsError> {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .build(connector::new(certificates)?);
        Ok(Self(client))
    }

    /// Creates a client that opens a new connection for each request, so that it can be used on several runtimes in turn.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn without_pool(certificates: Certificates) -> Result<Self, TlsError> {
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector::new(certificates)?);
        Ok(Self(client))
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    /// [`HttpError`] if there is no response. The status and body are not checked.
    pub async fn send(&self, request: Request<Full<Bytes>>, limits: Limits) -> Result<Answer, HttpError> {
        timeout(limits.time, self.exchange(request, limits.bytes))
            .await
            .unwrap_or(Err(HttpError::TimedOut))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>, bytes: usize) -> Result<Answer, HttpError> {
        let answer = self.0.request(request).await;
        let (head, body) = answer
            .map_err(|error| HttpError::Unreachable(root(&error)))?
            .into_parts();
        let body = Limited::new(body, bytes).collect().await;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.ok().map(http_body_util::Collected::to_bytes),
        })
    }
}

/// Returns the innermost cause of an error, which is the useful one: a refused connection, an unknown certificate.
fn root(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}
