//! Counts and times requests by method, route and status. Never uses the path or the query, which may contain secrets;
//! each label has few values, whatever clients send.

use std::sync::OnceLock;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tracing::Span;

use super::line::Line;
use crate::core::address::ClientAddress;
use crate::core::limits::AddressPrefix;
use crate::core::metrics::Register;
use crate::core::refusals::Refusals;
use crate::core::trace_context;

/// Upper bounds in seconds. A read takes half a millisecond, hashing a password tens of milliseconds, and a queue of
/// them seconds.
const BUCKETS: [f64; 12] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

/// The request counters. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    requests: Family<Answered, Counter>,
    durations: Family<Routed, Histogram>,
    panics: Counter,
}

/// The labels of a request.
pub(super) struct Observed {
    method: &'static str,
    route: Option<MatchedPath>,
    address: Option<ClientAddress>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Routed {
    method: &'static str,
    route: String,
}

impl Metrics {
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            panics: Counter::default(),
        };
        registry.add("http_requests", metrics.requests.clone());
        registry.add("http_request_duration_seconds", metrics.durations.clone());
        registry.add("http_panics", metrics.panics.clone());
        metrics
    }

    pub(super) fn panicked(&self) {
        self.panics.inc();
    }

    /// Counts a response and logs it.
    pub(super) fn observe(&self, usual: &OnceLock<Tally>, observed: Observed, response: &Response, duration: Duration) {
        let Observed { method, route, address } = observed;
        let status = response.status().as_u16();
        let known = usual.get().filter(|usual| usual.counts(method, route.as_ref(), status));
        match known {
            Some(tally) => tally.count(duration),
            None => {
                let tally = self.tally(method, route.clone(), status);
                tally.count(duration);
                // Another request may have set it first.
                let _ = usual.set(tally);
            }
        }
        let line = Line {
            method,
            route: name(route.as_ref()),
            client_ip: address.map(ClientAddress::ip),
            response,
            duration,
        };
        line.log();
    }

    fn tally(&self, method: &'static str, matched: Option<MatchedPath>, status: u16) -> Tally {
        let route = name(matched.as_ref()).to_owned();
        let answered = Answered { method, route, status };
        let requests = self.requests.get_or_create_owned(&answered);
        let Answered { method, route, .. } = answered;
        Tally {
            durations: self.durations.get_or_create_owned(&Routed { method, route }),
            requests,
            method,
            route: matched,
            status,
        }
    }
}

/// The counters of one combination of method, route and status, looked up once. Each route caches those of its first
/// response, since most others have the same.
pub(super) struct Tally {
    method: &'static str,
    route: Option<MatchedPath>,
    status: u16,
    requests: Counter,
    durations: Histogram,
}

impl Tally {
    fn counts(&self, method: &'static str, route: Option<&MatchedPath>, status: u16) -> bool {
        self.status == status && self.method == method && name(self.route.as_ref()) == name(route)
    }

    fn count(&self, duration: Duration) {
        self.requests.inc();
        self.durations.observe(duration.as_secs_f64());
    }
}

fn name(route: Option<&MatchedPath>) -> &str {
    route.map_or("unmatched", MatchedPath::as_str)
}

impl Observed {
    pub(super) fn of(request: &Request, address: Option<ClientAddress>) -> Self {
        Self {
            method: known(request.method()),
            route: request.extensions().get().cloned(),
            address,
        }
    }

    pub(super) fn describe(&self, span: &Span, status: StatusCode) {
        trace_context::describe(span, self.method, name(self.route.as_ref()), status);
    }

    /// Records a rejection for the audit log: 429 (over a limit) or 403 (not permitted).
    pub(super) fn note_refusal(&self, status: StatusCode, refusals: &Refusals) {
        if let (StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN, Some(route)) = (status, &self.route) {
            refusals.note(
                &format!("{} {} {}", status.as_u16(), self.method, route.as_str()),
                self.address.map(|address| AddressPrefix::of(address.ip())),
            );
        }
    }
}

/// Returns the label of a method. Unknown methods share one label, because clients can invent them.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        _ => "other",
    }
}
