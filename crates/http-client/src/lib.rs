//! The HTTP client that the server, the guard and the test kit share: HTTP/1.1, bounded in time and size.
//!
//! It asks the address that it is given and no other: no redirect is followed, and no proxy of the environment is used. It
//! judges no status.
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

/// A client that keeps its connections. Cloning it is cheap.
#[derive(Clone)]
pub struct HttpClient(Client<Connector, Full<Bytes>>);

/// How far a request may go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most time that it may take, to the last byte of its answer.
    pub time: Duration,
    /// The most bytes that the body of the answer may have.
    pub bytes: usize,
}

/// An answer, whatever it says.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; none if it broke off, or was larger than it may be.
    pub body: Option<Bytes>,
}

/// Why there is no answer. No text of it holds what was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The time is over.
    #[error("no answer in time")]
    TimedOut,
    /// Nothing answers at that address, or not by its rules.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
}

/// The TLS library cannot be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("TLS could not be set up")]
pub struct TlsError;

impl HttpClient {
    /// A client that believes servers with these certificates.
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

    /// A client that takes a new connection for each request, so that it may be used on several runtimes one after the
    /// other.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn without_pool(certificates: Certificates) -> Result<Self, TlsError> {
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector::new(certificates)?);
        Ok(Self(client))
    }

    /// Sends a request, and reads the whole answer.
    ///
    /// # Errors
    /// [`HttpError`], if there is no answer. Its status and its body are not judged.
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

/// What is at the bottom of an error, which is what helps: a refused connection, an unknown certificate.
fn root(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}
