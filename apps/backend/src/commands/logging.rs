//! Logging: text at a terminal, JSON otherwise. Also exports traces to a collector if one is configured.

use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::core::layers::{RequestSpans, TerminalFormat};
use crate::core::telemetry::Telemetry;
use crate::settings::Log;

/// Starts logging to the standard error. The standard output is reserved for the output of commands.
pub(super) fn start(settings: &Log, telemetry: Option<&Telemetry>) {
    let registry = tracing_subscriber::registry();
    let targets = settings.level.targets();
    // A second call in the same process has no effect.
    let _ = match telemetry {
        // A single global filter, so that disabled events are never created.
        None => registry
            .with(targets)
            .with(RequestSpans)
            .with(lines(settings))
            .try_init(),
        Some(telemetry) => {
            let traces = tracing_opentelemetry::layer()
                .with_tracer(telemetry.tracer())
                .with_location(false)
                .with_threads(false)
                .with_target(false);
            let logged = lines(settings).with_filter(targets);
            registry.with(logged).with(traces.with_filter(ours())).try_init()
        }
    };
}

/// Selects the spans of our own crates. Spans of the exporter's libraries would produce traces about sending traces.
fn ours() -> Targets {
    ["countersign", "countersign_store"]
        .iter()
        .fold(Targets::new(), |targets, ours| {
            targets.with_target(*ours, LevelFilter::DEBUG)
        })
}

fn lines<S: Subscriber + for<'span> LookupSpan<'span>>(settings: &Log) -> Box<dyn Layer<S> + Send + Sync> {
    let terminal = io::stderr().is_terminal();
    if settings.format.is_json(terminal) {
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            // The innermost span is the request; the list of spans would repeat it.
            .with_span_list(false)
            .with_writer(io::stderr);
        lines.boxed()
    } else {
        let lines = tracing_subscriber::fmt::layer()
            .event_format(TerminalFormat)
            .with_ansi(terminal)
            .with_writer(io::stderr);
        lines.boxed()
    }
}
