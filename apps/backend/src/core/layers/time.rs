//! The limit on a whole request.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, ready};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use tokio::time::sleep;

use crate::core::problem::{Code, Problem};

/// The longest that a request is held on purpose, because its client asked for it (RFC 7240 `wait`).
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long this request may take, where the usual limit is `usual`.
pub(super) fn limit(request: &Request, usual: Duration) -> Duration {
    match request.uri().path().starts_with("/oauth2/status-lists/") {
        true => usual + LONGEST_WAIT,
        false => usual,
    }
}

/// Waits for the handler no longer than `limit`, then drops it: the store rolls an open transaction back.
///
/// The answer is 503: the delay is ours, which 408 (RFC 9110 §15.5.9) would blame on the client, and 504 (§15.6.5) is
/// for gateways.
pub(super) async fn within(limit: Duration, handler: impl Future<Output = Response>) -> Response {
    let (mut handler, mut alarm) = (pin!(handler), pin!(None));
    let answered = poll_fn(|cx| {
        if let Poll::Ready(response) = handler.as_mut().poll(cx) {
            return Poll::Ready(Some(response));
        }
        // Most requests are answered at once, and need no timer.
        if alarm.is_none() {
            alarm.set(Some(sleep(limit)));
        }
        if let Some(alarm) = alarm.as_mut().as_pin_mut() {
            ready!(alarm.poll(cx));
        }
        Poll::Ready(None)
    });
    answered.await.unwrap_or_else(|| {
        Problem::new(Code::Unavailable)
            .detail("The request took too long. Try again.")
            .caused_by("http.request_timeout exceeded")
            .retry_after(1)
            .into_response()
    })
}
