//! Export of traces to a collector.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, SdkTracer, SdkTracerProvider, ShouldSample};
use tokio::runtime::Handle;

use crate::core::outbound::{Outbound, OutboundError};
use crate::settings;

/// The timeout for sending one batch.
const PATIENCE: Duration = Duration::from_secs(5);

/// Creates traces, and sends the remaining ones on shutdown.
pub struct Telemetry(SdkTracerProvider);

/// Why traces cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The URL is invalid, or TLS is unavailable on this machine.
    #[error("cannot export traces: {0}")]
    Unusable(String),
}

impl Telemetry {
    /// Starts the export to the configured collector; `None` if there is none. Must be called within the runtime.
    ///
    /// # Errors
    /// [`TelemetryError`]
    pub fn start(settings: &settings::Telemetry) -> Result<Option<Self>, TelemetryError> {
        let Some(collector) = &settings.otlp_endpoint else {
            return Ok(None);
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(collector.traces())
            .with_headers(settings.headers().into_iter().collect())
            .with_timeout(PATIENCE)
            .with_http_client(Sender::new()?)
            .build()
            .map_err(|error| TelemetryError::Unusable(error.to_string()))?;
        let about = [
            KeyValue::new("service.name", "countersign"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ];
        let sampler = Sampler::TraceIdRatioBased(settings.sample_ratio.get());
        let provider = SdkTracerProvider::builder()
            .with_resource(Resource::builder_empty().with_attributes(about).build())
            .with_sampler(Requests(Sampler::ParentBased(Box::new(sampler))))
            .with_batch_exporter(exporter)
            .build();
        Ok(Some(Self(provider)))
    }

    /// Returns the tracer that creates OpenTelemetry spans.
    pub fn tracer(&self) -> SdkTracer {
        self.0.tracer("countersign")
    }

    /// Sends the remaining spans. It blocks until the collector responds, so do not call it on a thread of the runtime.
    pub fn shut_down(self) {
        // Failures have already been logged.
        let _ = self.0.shutdown_with_timeout(PATIENCE);
    }
}

/// Samples traces that begin with an incoming or outgoing request. Background tasks, which run ten times a second, are
/// not traced.
#[derive(Clone, Debug)]
struct Requests(Sampler);

impl ShouldSample for Requests {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let has_parent = parent.is_some_and(|parent| parent.span().span_context().is_valid());
        if has_parent || matches!(kind, SpanKind::Server | SpanKind::Client) {
            return self.0.should_sample(parent, trace, name, kind, attributes, links);
        }
        SamplingResult {
            decision: SamplingDecision::Drop,
            attributes: Vec::new(),
            trace_state: TraceState::default(),
        }
    }
}

/// Posts batches of spans. The exporter runs on its own thread, the connections on the runtime.
struct Sender {
    outbound: Outbound,
    runtime: Handle,
    failing: AtomicBool,
}

impl Sender {
    fn new() -> Result<Self, TelemetryError> {
        Ok(Self {
            outbound: Outbound::new().map_err(|error| TelemetryError::Unusable(error.to_string()))?,
            runtime: Handle::current(),
            failing: AtomicBool::new(false),
        })
    }

    /// Logs one line when the export starts to fail, and one when it works again.
    fn report(&self, failure: Option<&dyn fmt::Display>) {
        let was_failing = self.failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(error) if !was_failing => tracing::warn!(%error, "failed to export traces; dropping them until the \
                 collector is back"),
            None if was_failing => tracing::info!("resumed exporting traces"),
            _ => {}
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let outbound = self.outbound.clone();
        let asking = async move { outbound.ask(request.map(Full::new), PATIENCE).await };
        let answer = self.runtime.spawn(asking).await.unwrap_or(Err(OutboundError::TimedOut));
        match &answer {
            Ok(answer) if answer.status().is_success() => self.report(None),
            Ok(answer) => self.report(Some(&format!("the collector responded with {}", answer.status()))),
            Err(error) => self.report(Some(error)),
        }
        Ok(answer?)
    }
}
