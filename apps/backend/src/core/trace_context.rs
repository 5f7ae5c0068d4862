//! A request's place in a trace, and what the trace says of it (OpenTelemetry's semantic conventions for HTTP).

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

/// A request's span, in the trace that a trusted proxy has begun (W3C Trace Context); the log gets the trace's id. A
/// stranger's `traceparent` is not followed: it would choose what is traced, and under which name.
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
        // Without the collector's layer there is nothing to join.
        let _ = span.set_parent(before);
    }
    let context = span.context();
    let own = context.span().span_context().clone();
    if own.is_valid() {
        span.record("trace_id", field::display(own.trace_id()));
    }
    span
}

/// Says what the request was and how it ended.
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

/// Hands the trace on to whoever is asked by this server.
pub fn inject(headers: &mut HeaderMap) {
    let context = Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut HeaderInjector(headers));
}
