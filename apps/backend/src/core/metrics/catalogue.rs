//! Every metric of the server: its name, what it counts, and when to worry. Nothing is registered that is not in here,
//! and `docs/metrics.md` is written from it.

use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Metric, Registry, Unit};

/// What every name begins with.
pub const PREFIX: &str = "countersign";

/// A metric as it is documented.
pub struct Described {
    /// The name without [`PREFIX`] and, of a counter, without `_total`.
    pub name: &'static str,
    kind: Kind,
    help: &'static str,
    /// Its labels and their values.
    pub(super) labels: &'static str,
    /// When to worry, and what to do.
    worry: &'static str,
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// In the order of the documentation: from what users notice to what lies beneath.
pub const METRICS: &[Described] = &[
    counter("http_requests", "Requests by method, route and status")
        .labels("`method`; `route` as in the documentation of the API, or `unmatched`; `status`")
        .worry("5xx above 1 % of all: look at the log by request id"),
    histogram("http_request_duration_seconds", "Time from the end of a request's headers to its answer")
        .labels("`method`, `route`")
        .worry("p99 of sign-ins above 1 s: see `hashing_wait_seconds`; of anything else above 100 ms: the database. Status lists are long-polled: their time says nothing"),
    counter("http_panics", "Handlers that panicked").worry("any: a bug; please report it with the log"),
    counter("logins", "Sign-ins by outcome")
        .labels("`outcome`: `success`, `invalid`, `unverified`, `limited`, `overloaded`, `failed`")
        .worry("`invalid` rises steeply: somebody is guessing; limits hold, `limits_exceeded` tells how much"),
    counter("refreshes", "Refreshes by outcome")
        .labels("`outcome`: `success`, `invalid`, `reused`, `limited`, `failed`")
        .worry("`reused`: refresh tokens are stolen, or a client keeps old ones"),
    counter("mails", "Attempts to send a mail, by outcome")
        .labels("`outcome`: `sent`, `postponed` (the recipient cannot be served now), `failed` (the mail server cannot be reached, or does not take mails from us), `refused` (the recipient is refused for good), `dropped` (no account has the address)")
        .worry("`failed`: no mail leaves; `countersign doctor` and `countersign mail list --queued` say why. `refused` above a fifth of all: the sender, or what it sends, is taken for spam"),
    gauge("mails_overdue", "Mails that should have left a minute ago and have not, as each node counts them once a minute")
        .worry("above 0 for ten minutes, or growing: see `mails`"),
    gauge("mails_overdue_seconds", "How long the oldest of them has been queued")
        .worry("above 600: links and codes do not reach the people who wait for them"),
    counter("limits_exceeded", "Requests refused by a rate limit")
        .labels("`limit`: its name in the settings")
        .worry("honest users among them: raise it, or set `trusted_proxies`"),
    gauge("hashing_queue_depth", "Password hashes that wait for a thread")
        .worry("above zero for minutes: more `hashing.workers`, or more cores"),
    gauge("hashing_running", "Password hashes being computed"),
    gauge("hashing_memory_bytes", "Memory held for password hashing"),
    histogram("hashing_wait_seconds", "Time a password hash waited for a thread"),
    histogram("hashing_duration_seconds", "Time a password hash took")
        .worry("p50 above 0.5 s: the machine is too slow for `hashing.…`, or too busy"),
    counter("hashing_rejected", "Password hashes not done, by reason")
        .labels("`reason`: `queue_full`, `too_late`, `caller_left`, `stopped`, `panicked`")
        .worry("`queue_full`, `too_late`: sign-ins are answered 503"),
    counter("hashing_asked", "Passwords that came to be hashed, by where they waited")
        .labels("`lane`: `known` (of an account that signed in from there before), `others`")
        .worry("`queue_full` rises while `known` does not: a storm of strangers, which the known do not feel"),
    counter("hashing_computed", "Hashes computed to check passwords, by scheme")
        .labels("`scheme`: `argon2`, `bcrypt`, `scrypt`, `pbkdf2`")
        .worry("far more than passwords that are checked: hashes of other parameters or schemes are stored, and everybody pays for them until their owners have signed in once"),
    gauge("revocation_lag_seconds", "Time since this process last knew all revocations of the database")
        .worry("above 1: revocations of other nodes are not seen; above 5: the database is away"),
    gauge("revocation_feed_up", "1 while hints of other nodes' revocations are heard; else 0, and the database is asked ten times a second")
        .worry("0 on several nodes without a pooler: Redis, or the connection that listens, is away. Always 0 on SQLite"),
    counter("revocation_hints", "Hints of other nodes' revocations that were heard"),
    gauge("status_lists", "Status lists in memory"),
    gauge("status_list_age_seconds", "How old the signature was of the status list that was handed out last")
        .worry("above a quarter of `status_lists.lifetime`: lists are not signed anew; verifiers refuse tokens when it is over"),
    gauge("status_list_waiters", "Verifiers that wait for a change of a status list"),
    counter("status_list_waiters_refused", "Verifiers that would have waited and were answered at once, by limit")
        .labels("`reason`: `address` (half of `http.max_connections_per_address`), `total` (half of `http.max_connections`, or of what the limit on open files leaves of it)")
        .worry("verifiers among them: they ask again after up to five seconds, and hear of revocations that late"),
    gauge("signing_key_age_seconds", "Time since the key that signs was first seen")
        .worry("older than your policy allows: `countersign keys rotate`"),
    gauge("signing_key_ready", "1 while there is a key that may sign").worry("0: nobody can sign in; `countersign keys list`"),
    gauge("sealing_keys_missing", "Sealing keys that other nodes may use and this node's keys folder lacks")
        .worry("above 0: put the file back, or take the key out of use; `countersign keys sealing list`"),
    counter("audit_sealed", "Entries of the audit log that were sealed by this process"),
    gauge("audit_sealer_lag_seconds", "How long the oldest entry of the audit log has been waiting to be sealed")
        .worry("above 60: what has waited is not protected; look at the log"),
    gauge("audit_checkpoints_leave", "1 while checkpoints of the audit log leave as they should (or need not), 0 while they do not")
        .worry("0: the file or the address of `audit.checkpoint_…` cannot be written to"),
    gauge("database_connections", "Open database connections"),
    gauge("database_connections_in_use", "Database connections at work")
        .worry("all of them for minutes: a slow database, or a small `database.pool_size`"),
    gauge("database_waiting", "Requests that wait for a database connection").worry("above zero for minutes"),
    gauge("redis_up", "1 while Redis answers in time, else 0; only where there is one")
        .worry("0: each node counts its own limits; sign-ins go on"),
    counter("redis_errors", "Questions that Redis did not answer in time"),
    gauge("connections_open", "Open connections").worry("near `http.max_connections`"),
    counter("connections_refused", "Connections refused, by limit")
        .labels("`reason`: `total`, `address`, `client` (a request of a client that has too many behind a trusted proxy)")
        .worry("`address`: a proxy that is not in `trusted_proxies`, or a flood; `client`: a flood"),
    counter("connections_timed_out", "Connections closed because the client took too long, by what it was to do")
        .labels("`reason`: `send_headers`, `send_next_request`, `read_answer`, `close`"),
    gauge("build_info", "1; the version is in the label").labels("`version`"),
];

/// The standard names of the process's own figures, which every server of the kind has.
#[cfg(feature = "testing")]
const PROCESS: [(&str, &str); 6] = [
    ("process_cpu_seconds_total", "CPU time used"),
    ("process_resident_memory_bytes", "Memory held"),
    ("process_open_fds", "Open files and sockets"),
    (
        "process_max_fds",
        "How many may be open; near it, connections are refused",
    ),
    ("process_threads", "Threads"),
    ("process_start_time_seconds", "When it was started, since the epoch"),
];

/// Registers what is in [`METRICS`].
pub trait Register {
    /// Registers a metric under its name in [`METRICS`], with its help and its unit.
    ///
    /// # Panics
    /// There is none of this name and kind: nobody could look up what it says.
    fn add(&mut self, name: &'static str, metric: impl Metric);
}

impl Register for Registry {
    fn add(&mut self, name: &'static str, metric: impl Metric) {
        let kind = metric.metric_type();
        let described = METRICS
            .iter()
            .find(|described| described.name == name && described.kind.is(kind))
            .expect("every metric is described in METRICS, else nobody could look up what it says");
        let (stem, unit) = split_unit(name);
        match unit {
            Some(unit) => self.register_with_unit(stem, described.help, unit, metric),
            None => self.register(name, described.help, metric),
        }
    }
}

/// `docs/metrics.md`.
#[cfg(feature = "testing")]
pub fn reference() -> String {
    use std::fmt::Write as _;

    let mut text = String::from(HEADING);
    for described in METRICS {
        let _ = writeln!(
            text,
            "| `{PREFIX}_{}`{} | {} | {}{} | {} |",
            described.name,
            if matches!(described.kind, Kind::Counter) {
                " (`_total`)"
            } else {
                ""
            },
            described.kind.name(),
            described.help,
            if described.labels.is_empty() {
                String::new()
            } else {
                format!("<br>{}", described.labels)
            },
            described.worry,
        );
    }
    text.push_str("\nOn Linux also, by their usual names:\n\n| name | what it says |\n|---|---|\n");
    for (name, help) in PROCESS {
        let _ = writeln!(text, "| `{name}` | {help} |");
    }
    text
}

#[cfg(feature = "testing")]
const HEADING: &str = "\
# Metrics

`/metrics` on `metrics_listen`, in the text format of OpenMetrics. Labels have few values, whatever clients send: no
address, no account, no path. A dashboard and alert rules are in [`infra/grafana`](../infra/grafana).

| name | type | what it says | when to worry |
|---|---|---|---|
";

impl Described {
    const fn of(kind: Kind, name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            kind,
            help,
            labels: "",
            worry: "",
        }
    }

    const fn labels(mut self, labels: &'static str) -> Self {
        self.labels = labels;
        self
    }

    const fn worry(mut self, worry: &'static str) -> Self {
        self.worry = worry;
        self
    }
}

impl Kind {
    #[cfg(feature = "testing")]
    const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }

    const fn is(self, kind: MetricType) -> bool {
        matches!(
            (self, kind),
            (Self::Counter, MetricType::Counter)
                | (Self::Gauge, MetricType::Gauge)
                | (Self::Histogram, MetricType::Histogram)
        )
    }
}

/// The registry writes the unit behind the name by itself.
fn split_unit(name: &str) -> (&str, Option<Unit>) {
    let of = |suffix, unit| name.strip_suffix(suffix).map(|stem| (stem, Some(unit)));
    of("_seconds", Unit::Seconds)
        .or_else(|| of("_bytes", Unit::Bytes))
        .unwrap_or((name, None))
}

const fn counter(name: &'static str, help: &'static str) -> Described {
    Described::of(Kind::Counter, name, help)
}

const fn gauge(name: &'static str, help: &'static str) -> Described {
    Described::of(Kind::Gauge, name, help)
}

const fn histogram(name: &'static str, help: &'static str) -> Described {
    Described::of(Kind::Histogram, name, help)
}
