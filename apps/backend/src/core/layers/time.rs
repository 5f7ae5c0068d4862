//! The time limit of a whole request.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use tokio::time::{Sleep, sleep};

use crate::core::problem::{Code, Problem};

/// The longest wait that a client can request (RFC 7240 `wait`).
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Returns the time limit of this request; `usual` is the default.
pub(super) fn limit(request: &Request, usual: Duration) -> Duration {
    match request.uri().path().starts_with("/oauth2/status-lists/") {
        true => usual + LONGEST_WAIT,
        false => usual,
    }
}

/// A handler that is dropped after `limit`; the store rolls back an open transaction.
pub(super) struct TimeLimit<F> {
    handler: F,
    limit: Duration,
    /// Created only if the handler is not ready at once, which most are.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<F> TimeLimit<F> {
    pub(super) fn new(handler: F, limit: Duration) -> Self {
        Self {
            handler,
            limit,
            alarm: None,
        }
    }

    /// Polls the handler with `step`, and checks the time if it is not ready.
    ///
    /// The response is 503: 408 (RFC 9110 §15.5.9) would blame the client, and 504 (§15.6.5) is for gateways.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        step: impl FnOnce(&mut F, &mut Context<'_>) -> Poll<Response>,
    ) -> Poll<Response> {
        if let Poll::Ready(response) = step(&mut self.handler, cx) {
            return Poll::Ready(response);
        }
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(self.limit)));
        ready!(alarm.as_mut().poll(cx));
        let problem = Problem::new(Code::Unavailable)
            .detail("The request took too long. Try again.")
            .caused_by("http.request_timeout exceeded")
            .retry_after(1);
        Poll::Ready(problem.into_response())
    }
}
