//! The last resort (ASVS 16.5.4): a handler that panics answers 500, and the process lives.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::Metrics;
use crate::core::problem::Problem;

/// Runs the handler. What it held is dropped by the unwinding: a transaction rolls back by its guard, and nothing else
/// is shared with it that a half-done change could break (hence `AssertUnwindSafe`).
pub(super) async fn catch(handler: impl Future<Output = Result<Response, Infallible>>, metrics: &Metrics) -> Response {
    match AssertUnwindSafe(handler).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(payload) => {
            metrics.panicked();
            Problem::internal(format_args!("handler panicked: {}", message(&*payload))).into_response()
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
