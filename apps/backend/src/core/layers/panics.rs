//! Catches panics of handlers (ASVS 16.5.4): the response is 500, and the process continues.

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use axum::response::{IntoResponse, Response};

use super::Metrics;
use crate::core::problem::Problem;

/// Runs a step of the handler and catches panics. `AssertUnwindSafe` holds because unwinding drops what the handler
/// held: its transaction rolls back, and it shares no other state that could be left half-changed.
pub(super) fn catch(step: impl FnOnce() -> Poll<Result<Response, Infallible>>, metrics: &Metrics) -> Poll<Response> {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(Ok(response))) => Poll::Ready(response),
        Ok(Poll::Ready(Err(never))) => match never {},
        Err(payload) => {
            metrics.panicked();
            let problem = Problem::internal(format_args!("handler panicked: {}", message(&*payload)));
            Poll::Ready(problem.into_response())
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
