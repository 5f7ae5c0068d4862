//! The trace context and span attributes of a request (OpenTelemetry's semantic conventions for HTTP).

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use http::{HeaderMap, StatusCode};
use ipnet::IpNet;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::core::request_id::RequestId;

/// Creates a request's span in the trace of a trusted proxy (W3C Trace Context); the log includes the trace id. Other clients'
/// `traceparent` is ignored, because they could choose what is traced and under which id.
pub fn span(request: &Request, id: &RequestId, trusted_proxies: &[IpNet]) -> Span {
    let span = tracing::info_span!("request", request_id = %id, trace_id = field::Empty, otel.kind = "server");
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let is_trusted = peer.is_some_and(|ConnectInfo(peer)| {
        let peer = peer.ip().to_canonical();
        trusted_proxies.iter().any(|network| network.contains(&peer))
    });
    if is_trusted {
        let before =
            TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(request.headers()));
        // Without a collector, there is no trace to join.
        let _ = span.set_parent(before);
    }
    let context = span.context();
    let own = context.span().span_context().clone();
    if own.is_valid() {
        span.record("trace_id", field::display(own.trace_id()));
    }
    span
}

/// Records the request and its outcome.
pub fn describe(span: &Span, method: &'static str, route: &str, status: StatusCode) {
    let context = span.context();
    let span = context.span();
    span.update_name(format!("{method} {route}"));
    span.set_attribute(KeyValue::new("http.request.method", method));
    span.set_attribute(KeyValue::new("http.route", route.to_owned()));
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}

/// Propagates the trace to outgoing requests of this server.
pub fn inject(headers: &mut HeaderMap) {
    let context = Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut HeaderInjector(headers));
}
