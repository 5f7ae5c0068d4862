//! The log line of each request: `POST /api/auth/login 401 52.130 ms`, with its parts as fields.
//!
//! It contains the route (`/api/things/{id}`), but never the path or the query, which may contain secrets.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use axum::response::Response;
use tracing::field::{Field, Visit, display};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::{problems, span};
use crate::core::problem::Problem;

/// The log target of these lines, for `log.level`: `info,countersign::request=debug` logs every request.
const TARGET: &str = "countersign::request";

/// The fields that are also in the message.
const IN_MESSAGE: [&str; 4] = ["method", "route", "status", "duration_ms"];

/// A completed request.
pub(super) struct Line<'a> {
    pub(super) method: &'static str,
    pub(super) route: &'a str,
    pub(super) client_ip: Option<IpAddr>,
    pub(super) response: &'a Response,
    pub(super) duration: Duration,
}

impl Line<'_> {
    /// Logs the request: a server error at `error` with its cause; a successful read at `debug`, because logging each
    /// would cost more than the response; everything else at `info`.
    pub(super) fn log(&self) {
        let Self { method, route, .. } = *self;
        let status = self.response.status().as_u16();
        let duration_ms = (self.duration.as_secs_f64() * 1_000_000.0).round() / 1000.0;
        let client_ip = self.client_ip.map(display);
        let account = span::account().map(display);
        let problem = problems::of(self.response);
        let code = problem.map(|problem| problem.code().name());
        let cause = problem.and_then(Problem::cause);
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    target: TARGET, method, route, status, duration_ms, client_ip, account, code, cause,
                    "{method} {route} {status} {duration_ms:.3} ms"
                )
            };
        }
        if status >= 500 && problem.is_some() {
            log!(error);
        } else if status < 400 && matches!(method, "GET" | "HEAD" | "OPTIONS") {
            log!(debug);
        } else {
            log!(info);
        }
    }
}

/// The format of log lines on a terminal: time, level, message, fields, and the request ID at the end.
pub struct TerminalFormat;

impl<S, N> FormatEvent<S, N> for TerminalFormat
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'fields> FormatFields<'fields> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        SystemTime.format_time(&mut writer)?;
        let level = event.metadata().level();
        match color(level).filter(|_| writer.has_ansi_escapes()) {
            Some(color) => write!(writer, " \x1b[{color}m{level:>5}\x1b[0m ")?,
            None => write!(writer, " {level:>5} ")?,
        }
        if event.metadata().target() == TARGET {
            let mut fields = RequestFields(writer.by_ref(), Ok(()));
            event.record(&mut fields);
            fields.1?;
        } else {
            ctx.format_fields(writer.by_ref(), event)?;
        }
        for span in ctx.event_scope().into_iter().flat_map(Scope::from_root) {
            match span.extensions().get::<FormattedFields<N>>() {
                Some(fields) if !fields.is_empty() => write!(writer, " {fields}")?,
                _ => {}
            }
        }
        writeln!(writer)
    }
}

fn color(level: &Level) -> Option<u8> {
    Some(match *level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    })
}

/// Writes the message and the fields that it does not contain.
struct RequestFields<'a>(Writer<'a>, fmt::Result);

impl Visit for RequestFields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let Self(writer, outcome) = self;
        if outcome.is_err() || IN_MESSAGE.contains(&field.name()) {
            return;
        }
        *outcome = match field.name() {
            "message" => write!(writer, "{value:?}"),
            name => write!(writer, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            // One of the documented codes, written without quotes.
            "code" if self.1.is_ok() => self.1 = write!(self.0, " code={value}"),
            _ => self.record_debug(field, &value),
        }
    }
}
