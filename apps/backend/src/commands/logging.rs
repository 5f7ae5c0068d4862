//! What the server logs, and how: text for a person at a terminal, JSON for everything else.

use std::io::{self, IsTerminal};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::Log;

/// Starts logging to the standard error. The standard output belongs to what a command prints.
pub(super) fn start(settings: &Log) {
    let terminal = io::stderr().is_terminal();
    let registry = tracing_subscriber::registry().with(settings.level.targets());
    // A second call, in the same process, changes nothing.
    let _ = if settings.format.is_json(terminal) {
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            // The innermost span is the request; the list of all would say the same once more.
            .with_span_list(false)
            .with_writer(io::stderr);
        registry.with(lines).try_init()
    } else {
        let lines = tracing_subscriber::fmt::layer()
            .with_target(false)
            .with_ansi(terminal)
            .with_writer(io::stderr);
        registry.with(lines).try_init()
    };
}
