//! The limit on a whole request.

use std::time::Duration;

use axum::response::{IntoResponse, Response};

use crate::core::problem::{Code, Problem};

/// Waits for the handler no longer than `limit`, then drops it: the store rolls an open transaction back.
///
/// The answer is 503: the delay is ours, which 408 (RFC 9110 §15.5.9) would blame on the client, and 504 (§15.6.5) is
/// for gateways. Requests that are held on purpose (long-polls) will be exempted here.
pub(super) async fn within(limit: Duration, handler: impl Future<Output = Response>) -> Response {
    tokio::time::timeout(limit, handler).await.unwrap_or_else(|_| {
        Problem::new(Code::Unavailable)
            .detail("The request could not be answered in time. Try again.")
            .caused_by("the limit on whole requests (http.request_timeout) has passed")
            .retry_after(1)
            .into_response()
    })
}
