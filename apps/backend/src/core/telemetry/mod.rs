//! Traces for an OpenTelemetry collector: created from the spans of `tracing`, sent by OTLP over HTTP, and joined to
//! those of a trusted proxy by W3C Trace Context. Does nothing unless a collector is configured.
//!
//! A trace contains routes and SQL statements, but never a path, a query, a value, an IP address or an email address.

mod export;

pub use self::export::Telemetry;
