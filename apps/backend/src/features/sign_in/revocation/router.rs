//! `GET /oauth2/status-lists/{number}`, for verifiers: answered immediately, or held until the list changes (RFC 7240
//! `wait`).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ipnet::IpNet;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service::{PublishError, Revocations};
use crate::core::conditional::etag_matches;
use crate::core::layers::LONGEST_WAIT;
use crate::core::limits::AddressPrefix;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::core::server::Readiness;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The state of the routes of this feature.
#[derive(Clone)]
pub struct StatusLists {
    pub(crate) revocations: Revocations,
    /// How long a verifier that polls may cache a list.
    pub(crate) ttl: Duration,
    pub(crate) trusted_proxies: Arc<[IpNet]>,
    /// Held requests are answered when the server stops.
    pub(crate) readiness: Readiness,
}

/// The routes of this feature.
pub fn router() -> OpenApiRouter<StatusLists> {
    OpenApiRouter::new().routes(routes!(status_list))
}

/// Status list
///
/// A Token Status List (draft-ietf-oauth-status-list): a signed JWT with one bit per session. With the ETag of the current
/// list and `Prefer: wait=30`, the response is sent as soon as the list changes, or as 304 after 30 seconds. If too many
/// verifiers are waiting already, the response is an immediate 304 without `Preference-Applied`.
#[utoipa::path(get, path = "/oauth2/status-lists/{number}", tag = "revocation",
    params(
        ("number" = i64, Path, description = "The list's number, from the token's `status` claim", minimum = 1),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the client's copy of the list"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: hold the response for up to N seconds (at most \
          60) while the client's copy is current"),
    ),
    responses(
        (status = OK, description = "The list", body = String, content_type = "application/statuslist+jwt",
            headers(("ETag" = String, description = "The version of the list"), ("Cache-Control" = String))),
        (status = NOT_MODIFIED, description = "The client's copy is current"),
        Problem,
    ))]
async fn status_list(
    State(lists): State<StatusLists>,
    Path(number): Path<String>,
    request: RequestInfo,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // Each list has one URL: no sign, no leading zeros.
    let number = number
        .parse::<i64>()
        .ok()
        .filter(|parsed| parsed.to_string() == number)
        .ok_or_else(|| Problem::new(Code::NotFound))?;
    let published = lists.revocations.published(number).await?;
    if !etag_matches(&headers, &published.etag) {
        let poll = CachePolicy::Poll(lists.ttl);
        return Ok((poll.headers(&published.etag), kind(), published.body.clone()).into_response());
    }
    let Some(wait) = wait_of(&headers) else {
        let poll = CachePolicy::Poll(lists.ttl);
        return Ok((StatusCode::NOT_MODIFIED, poll.headers(&published.etag)).into_response());
    };
    // A client over the limit is answered as if it had not asked to wait, and asks again when the list expires.
    let Some(_place) = lists.revocations.may_wait(network_of(&lists.trusted_proxies, &request)) else {
        let poll = CachePolicy::Poll(lists.ttl);
        return Ok((StatusCode::NOT_MODIFIED, poll.headers(&published.etag)).into_response());
    };
    let stopping = lists.readiness.ended();
    let changed = lists
        .revocations
        .changed(number, |etag| etag_matches(&headers, etag), wait, stopping)
        .await?;
    let applied = format!("wait={}", wait.as_secs());
    let applied = [(
        PREFERENCE_APPLIED,
        HeaderValue::try_from(applied).expect("letters and digits are a header's value"),
    )];
    Ok(match changed {
        Some(new) => (CachePolicy::Held.headers(&new.etag), applied, kind(), new.body.clone()).into_response(),
        None => (
            StatusCode::NOT_MODIFIED,
            CachePolicy::Held.headers(&published.etag),
            applied,
        )
            .into_response(),
    })
}

/// Returns the network that a held request counts against. Requests of a trusted proxy itself count against no
/// network, like its connections.
fn network_of(trusted_proxies: &[IpNet], request: &RequestInfo) -> Option<AddressPrefix> {
    let address = request.address?;
    let is_proxy = |address| trusted_proxies.iter().any(|network| network.contains(&address));
    (!is_proxy(address)).then(|| AddressPrefix::of(address))
}

/// How a response may be cached.
enum CachePolicy {
    Poll(Duration),
    /// Only with revalidation: it was sent because the list had just changed.
    Held,
}

impl CachePolicy {
    fn headers(&self, etag: &HeaderValue) -> [(HeaderName, HeaderValue); 3] {
        let control = match self {
            Self::Poll(ttl) => HeaderValue::try_from(format!("public, max-age={}", ttl.as_secs()))
                .expect("digits and letters are a header's value"),
            Self::Held => HeaderValue::from_static("no-cache"),
        };
        [
            (ETAG, etag.clone()),
            (CACHE_CONTROL, control),
            (VARY, HeaderValue::from_static("Prefer")),
        ]
    }
}

fn kind() -> [(HeaderName, HeaderValue); 1] {
    [(CONTENT_TYPE, HeaderValue::from_static("application/statuslist+jwt"))]
}

/// Returns how long the client is willing to wait (RFC 7240 §4.3), in whole seconds, up to our limit.
fn wait_of(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(PREFER).iter().filter_map(|line| line.to_str().ok());
    let wishes = lines.flat_map(|line| line.split(',')).filter_map(|wish| {
        let (name, value) = wish.split(';').next()?.split_once('=')?;
        let seconds = value.trim().trim_matches('"').parse::<u64>().ok()?;
        name.trim().eq_ignore_ascii_case("wait").then_some(seconds)
    });
    // RFC 7240 §2: if there are several, the first one applies.
    let wait = Duration::from_secs(wishes.into_iter().next()?);
    Some(wait.min(LONGEST_WAIT)).filter(|wait| !wait.is_zero())
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Unknown => Self::new(Code::NotFound),
            PublishError::Issue(error) => error.into(),
            PublishError::TooLarge => Self::internal(error),
            PublishError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_to_wait_is_read_and_bounded() {
        let asks = |value: &'static str| wait_of(&HeaderMap::from_iter([(PREFER, HeaderValue::from_static(value))]));
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(asks("wait=30"), seconds(30));
        assert_eq!(asks("respond-async, Wait = \"5\"; x=y"), seconds(5));
        assert_eq!(asks("wait=10, wait=20"), seconds(10));
        assert_eq!(asks("wait=100000"), Some(LONGEST_WAIT));
        for none in ["wait=0", "wait=-1", "wait", "wait=soon", "await=3", ""] {
            assert_eq!(asks(none), None, "{none}");
        }
    }
}
