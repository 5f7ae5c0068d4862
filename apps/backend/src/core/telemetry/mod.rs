//! Traces for a collector of OpenTelemetry: made of the spans of `tracing`, sent by OTLP over HTTP, joined to those of a
//! trusted proxy by W3C Trace Context. It knows no feature, and does nothing unless the settings name a collector.
//!
//! What is in a trace is what is in the log: routes and statements, never a path, a query, a value or an address.

mod export;

pub use self::export::Telemetry;
