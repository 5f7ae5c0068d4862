//! A GET request to the issuer, and the reasons why it fails.

use std::time::Duration;

use bytes::Bytes;
use countersign_http_client::{Certificates, HttpClient, HttpError, Limits};
use countersign_jose::StatusListError;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;

use super::BuildError;
use super::addresses::Addresses;

/// The timeout for responses that the server does not hold on purpose, until the last byte.
pub(super) const FETCH_TIME: Duration = Duration::from_secs(5);
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("countersign-guard/", env!("CARGO_PKG_VERSION")));

/// A client that keeps its connections open.
pub(super) struct Http(HttpClient);

/// A request.
pub(super) struct FetchRequest {
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    /// The maximum size of the body in bytes.
    pub(super) limit: usize,
    /// The timeout until the last byte.
    pub(super) within: Duration,
}

/// A response within the limits of time and size.
pub(super) struct FetchResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the request to the issuer timed out")]
    TimedOut,
    #[error("failed to connect to the issuer: {0}")]
    Unreachable(String),
    #[error("the issuer responded with {0}")]
    Status(StatusCode),
    #[error("the response is cut off or too large")]
    Body,
    #[error("the server at {server} says that its issuer is {issuer}: configure that as the issuer")]
    OtherIssuer { server: String, issuer: String },
    #[error("invalid response: {0}")]
    Content(String),
    #[error("the issuer signed an invalid status list: {0}")]
    Unreadable(StatusListError),
}

impl Http {
    pub(super) fn new(addresses: &Addresses) -> Result<Self, BuildError> {
        let certificates = if addresses.use_tls() {
            Certificates::of_system()
        } else {
            Certificates::none()
        };
        if certificates.is_empty() && addresses.need_tls() {
            return Err(BuildError::NoCertificates);
        }
        HttpClient::new(certificates).map(Self).map_err(|_| BuildError::Tls)
    }

    pub(super) async fn fetch(&self, wanted: FetchRequest) -> Result<FetchResponse, FetchError> {
        let mut request = Request::new(Full::default());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = wanted.uri;
        *request.headers_mut() = wanted.headers;
        request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
        let limits = Limits {
            time: wanted.within,
            bytes: wanted.limit,
        };
        let answer = self.0.send(request, limits).await.map_err(|error| match error {
            HttpError::TimedOut => FetchError::TimedOut,
            HttpError::Unreachable(why) => FetchError::Unreachable(why),
            other => FetchError::Unreachable(other.to_string()),
        })?;
        Ok(FetchResponse {
            status: answer.status,
            headers: answer.headers,
            body: answer.body.ok_or(FetchError::Body)?,
        })
    }
}
