//! Traces for a collector of OpenTelemetry: made of the spans of `tracing`, sent by OTLP over HTTP, joined to those of a
//! trusted proxy by W3C Trace Context. It knows no feature, and does nothing unless the settings name a collector.
//!
//! A trace holds routes and statements, never a path, a query, a value, an IP address or an email address.

mod export;

pub use self::export::Telemetry;
