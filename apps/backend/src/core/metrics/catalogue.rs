//! All metrics of the server: name, meaning and when to act. Only these can be registered, and `docs/metrics.md` is
//! generated from them.

use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Metric, Registry, Unit};

/// The prefix of all names.
pub const PREFIX: &str = "countersign";

/// A documented metric.
pub struct Described {
    /// The name without [`PREFIX`] and, for a counter, without `_total`.
    pub name: &'static str,
    kind: MetricKind,
    help: &'static str,
    /// Its labels and their values.
    pub(super) labels: &'static str,
    /// When to act, and how.
    worry: &'static str,
}

#[derive(Clone, Copy)]
enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// In the order of the documentation: from what users notice to internals.
pub const METRICS: &[Described] = &[
    counter("http_requests", "Requests by method, route and status")
        .labels("`method`; `route` as in the API documentation, or `unmatched`; `status`")
        .worry("5xx above 1% of all requests: check the log"),
    histogram("http_request_duration_seconds", "Time from the end of the request headers to the response")
        .labels("`method`, `route`")
        .worry("p99 of sign-ins above 1 s: see `hashing_wait_seconds`; p99 of other routes above 100 ms: check the \
                database. Ignore status lists, which are long-polled"),
    counter("http_panics", "Handlers that panicked").worry("above 0: a bug; please report it with the log"),
    counter("logins", "Sign-ins by outcome")
        .labels("`outcome`: `success`, `invalid`, `unverified`, `limited`, `overloaded`, `failed`")
        .worry("`invalid` rises steeply: someone is guessing passwords; `limits_exceeded` shows how many attempts \
                are blocked"),
    counter("refreshes", "Token refreshes by outcome")
        .labels("`outcome`: `success`, `invalid`, `reused`, `limited`, `failed`")
        .worry("`reused`: refresh tokens were stolen, or a client keeps using old ones"),
    counter("cookie_tokens", "Requests for an access token in exchange for a session cookie, by outcome")
        .labels("`outcome`: `success`, `signed_out`, `limited`, `failed`")
        .worry("`limited` rises for real users: a page requests tokens repeatedly instead of keeping each one until it expires"),
    counter("oauth_userinfo", "Requests to the UserInfo endpoint, by outcome")
        .labels("`outcome`: `success`, `invalid`, `limited`, `failed`")
        .worry("`limited` rises for real users: an application calls the endpoint for every request that it receives \
                instead of once per sign-in"),
    counter("handoffs", "Browsers signed in to applications behind a proxy, by outcome")
        .labels("`outcome`: `success`, `invalid` (the code had expired, was used before, or belongs to another browser), \
                 `limited`")
        .worry("`invalid` above 5%: a proxy does not pass on cookies, or someone sends users links with codes"),
    counter("authorization_requests", "Authorization requests from applications, by what happens when they arrive")
        .labels("`outcome`: `begun` (the user is asked), `silent` (the application gets a code at once), `refused` (it \
                 gets an error at once), `page` (the browser shows a page, because the client or its redirect URI is \
                 unknown), `limited`, `failed`")
        .worry("`page` rises: an application is set up with the wrong client ID or redirect URI, or users are sent \
                forged links"),
    counter("oauth_tokens", "Requests to the token endpoint, by outcome")
        .labels("`outcome`: `issued`, `pending` (a device waits for its user), `invalid_grant`, `invalid_client`, \
                 `invalid_request`, `limited`, `failed`")
        .worry("`invalid_client` or `invalid_grant` above 5%: an application has the wrong secret or redirect URI, or \
                secrets are being guessed; the request log shows the IP addresses"),
    counter("oauth_revocations", "Requests to the revocation endpoint, by outcome")
        .labels("`outcome`: `revoked`, `ignored` (unknown, ended or another client's), `invalid_client`, \
                 `invalid_request`, `limited`, `failed`"),
    counter("oauth_introspections", "Requests to the introspection endpoint, by outcome")
        .labels("`outcome`: `active`, `inactive`, `invalid_client`, `invalid_request`, `limited`, `failed`")
        .worry("`limited` rises for real users: an API introspects a token for every request that it receives; a \
                guard would verify tokens without calling the server"),
    counter("oauth_device_requests", "Requests for device codes, by outcome")
        .labels("`outcome`: `begun`, `invalid_client`, `invalid_request`, `limited`, `failed`")
        .worry("`failed`: too many requests are waiting for users to decide; the request log shows the IP addresses"),
    counter("sign_out_requests", "Requests from applications to sign a user out, by outcome")
        .labels("`outcome`: `signed_out`, `asked`, `no_session`, `refused`, `failed`")
        .worry("`refused` rises: an application is set up with the wrong client ID or post-logout redirect URI"),
    counter("emails", "Attempts to send an email, by outcome")
        .labels("`outcome`: `sent`, `postponed` (temporarily rejected), `failed` (the mail server cannot be reached \
                 or does not accept email from us), `refused` (permanently rejected), `dropped` (no account has the \
                 email address)")
        .worry("`failed`: no email is delivered; `countersign doctor` and `countersign mail list --queued` show \
                why. `refused` above 20%: the emails are treated as spam"),
    gauge("emails_overdue", "Emails that are overdue by more than a minute, counted by each node once a minute")
        .worry("above 0 for ten minutes, or growing: see `emails`"),
    gauge("emails_overdue_seconds", "How long the oldest overdue email has been queued")
        .worry("above 600: users wait for links and codes"),
    counter("logout_notices", "Attempts to notify a client that a user has signed out, by outcome")
        .labels("`outcome`: `sent`, `postponed` (the client could not be reached, or failed; the notice will be sent \
                 again), `refused` (the client rejected it), `given_up` (all attempts failed)")
        .worry("`refused` or `given_up`: users stay signed in to a client after they have signed out here; \
                `countersign doctor` names the client"),
    gauge("logout_notices_overdue", "Logout notices that were queued over a minute ago, counted by each node once a minute")
        .worry("growing: see `logout_notices`"),
    counter("limits_exceeded", "Requests rejected by a rate limit")
        .labels("`limit`: its name in the settings")
        .worry("rises for real users: raise the limit, or set `trusted_proxies`"),
    gauge("hashing_queue_depth", "Password hashes waiting for a thread")
        .worry("above 0 for minutes: raise `hashing.workers`, or add cores"),
    gauge("hashing_running", "Password hashes being computed"),
    gauge("hashing_memory_bytes", "Memory used for password hashing"),
    histogram("hashing_wait_seconds", "Time that password hashes waited for a thread"),
    histogram("hashing_duration_seconds", "Time to compute a password hash")
        .worry("p50 above 0.5 s: the machine is too slow for the settings in `[passwords]`, or too busy"),
    counter("hashing_rejected", "Password hashes not computed, by reason")
        .labels("`reason`: `queue_full`, `too_late`, `caller_left`, `stopped`, `panicked`")
        .worry("`queue_full`, `too_late`: sign-ins get 503"),
    counter("hashing_requests", "Requests for password hashes, by queue")
        .labels("`lane`: `known` (the account signed in from this network or device before), `others`")
        .worry("`others` rises steeply while `known` does not: a flood of unknown clients; known clients are not affected"),
    counter("hashing_computed", "Hashes computed to verify passwords, by scheme")
        .labels("`scheme`: `argon2`, `bcrypt`, `scrypt`, `pbkdf2`")
        .worry("much higher than the number of sign-ins: the database contains hashes with other parameters or \
                schemes, which makes every sign-in more expensive until the owners of those hashes have signed in"),
    gauge("revocation_lag_seconds", "Time since this process last read all revocations from the database")
        .worry("above 1: revocations from other nodes arrive late; above 5: the database is unavailable"),
    gauge("revocation_feed_up", "1 while notifications of revocations from other nodes arrive; otherwise 0, and the \
           database is polled every 100 ms")
        .worry("0 with several nodes and no pooler: Redis or the listening connection is down. Always 0 with SQLite"),
    counter("revocation_hints", "Notifications of revocations received from other nodes"),
    gauge("status_lists", "Status lists in memory"),
    gauge("status_list_age_seconds", "Age of the signature on the status list that was served last")
        .worry("above a quarter of `status_lists.lifetime`: lists are not being signed again, and verifiers will \
                reject tokens once the list has expired"),
    gauge("status_list_waiters", "Verifiers waiting for a status list to change"),
    counter("status_list_waiters_refused", "Verifiers that were not allowed to wait for a change, by limit")
        .labels("`reason`: `address` (half of `http.max_connections_per_address`), `total` (half of \
                 `http.max_connections`, or half of the connections that the limit on open files allows, if that is \
                 lower)")
        .worry("above 0: these verifiers poll instead, so they learn of revocations up to five seconds late"),
    gauge("signing_key_age_seconds", "Time since the signing key was first seen")
        .worry("older than your policy allows: run `countersign keys rotate`"),
    gauge("signing_key_ready", "1 if there is a valid signing key, else 0").worry("0: sign-ins fail; run \
           `countersign keys list`"),
    histogram("rsa_signing_duration_seconds", "Time to sign an ID token or logout token with RS256"),
    counter("rsa_signing_rejected", "RS256 signatures not computed, because too many were waiting")
        .worry("above 0: clients' token requests get 503; add cores, or set `id_token_signed_response_alg` of busy clients to ES256"),
    gauge("sealing_keys_missing", "Sealing keys that other nodes may use but this node's keys folder lacks")
        .worry("above 0: restore the file, or retire the key; see `countersign keys sealing list`"),
    counter("audit_sealed", "Audit log entries sealed by this process"),
    gauge("audit_sealer_lag_seconds", "Age of the oldest audit log entry that is not sealed yet")
        .worry("above 60: these entries are not protected; check the log"),
    gauge("audit_checkpoints_shipping", "1 if shipping audit checkpoints works or is not configured, 0 if it fails")
        .worry("0: check `audit.checkpoint_file` and `audit.checkpoint_url`"),
    gauge("database_connections", "Open database connections"),
    gauge("database_connections_in_use", "Database connections in use")
        .worry("all of them for minutes: the database is slow, or `database.pool_size` is too small"),
    gauge("database_waiting", "Requests waiting for a database connection").worry("above 0 for minutes"),
    gauge("redis_up", "1 if Redis responds in time, else 0; only if Redis is configured")
        .worry("0: rate limits are counted per node; sign-ins still work"),
    counter("redis_errors", "Redis requests that failed or timed out"),
    gauge("connections_open", "Open connections").worry("near `http.max_connections`"),
    counter("connections_refused", "Connections refused, by limit")
        .labels("`reason`: `total`, `address`, `client` (too many requests from one client behind a trusted proxy)")
        .worry("`address`: a proxy is missing from `trusted_proxies`, or an attack; `client`: an attack"),
    counter("connections_timed_out", "Connections closed because of a timeout, by phase")
        .labels("`reason`: `send_headers`, `send_next_request`, `read_response`, `close`"),
    gauge("build_info", "Always 1; the version is in the label").labels("`version`"),
];

/// The standard process metrics, which most servers export.
#[cfg(feature = "testing")]
const PROCESS: [(&str, &str); 6] = [
    ("process_cpu_seconds_total", "CPU time used"),
    ("process_resident_memory_bytes", "Resident memory"),
    ("process_open_fds", "Open files and sockets"),
    (
        "process_max_fds",
        "Limit on open files; near the limit, connections are refused",
    ),
    ("process_threads", "Threads"),
    ("process_start_time_seconds", "Start time in seconds since the epoch"),
];

/// Registers the metrics of [`METRICS`].
pub trait Register {
    /// Registers a metric under its name in [`METRICS`], with its help and unit.
    ///
    /// # Panics
    /// [`METRICS`] has no metric of this name and kind, so it would be undocumented.
    fn add(&mut self, name: &'static str, metric: impl Metric);
}

impl Register for Registry {
    fn add(&mut self, name: &'static str, metric: impl Metric) {
        let kind = metric.metric_type();
        let described = METRICS
            .iter()
            .find(|described| described.name == name && described.kind.is(kind))
            .expect("every metric is described in METRICS");
        let (stem, unit) = split_unit(name);
        match unit {
            Some(unit) => self.register_with_unit(stem, described.help, unit, metric),
            None => self.register(name, described.help, metric),
        }
    }
}

/// Returns the content of `docs/metrics.md`.
#[cfg(feature = "testing")]
pub fn reference() -> String {
    use std::fmt::Write as _;

    let mut text = String::from(HEADING);
    for described in METRICS {
        let _ = writeln!(
            text,
            "| `{PREFIX}_{}`{} | {} | {}{} | {} |",
            described.name,
            if matches!(described.kind, MetricKind::Counter) {
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
    text.push_str("\nOn Linux, the standard process metrics are also available:\n\n| name | meaning |\n|---|---|\n");
    for (name, help) in PROCESS {
        let _ = writeln!(text, "| `{name}` | {help} |");
    }
    text
}

#[cfg(feature = "testing")]
const HEADING: &str = "\
# Metrics

`/metrics` on `metrics_listen` serves these metrics in the OpenMetrics text format. Labels never contain IP addresses, email
addresses, accounts or paths. A dashboard and alert rules are in [`infra/grafana`](../infra/grafana).

| Name | Type | Meaning | When to act |
|---|---|---|---|
";

impl Described {
    const fn of(kind: MetricKind, name: &'static str, help: &'static str) -> Self {
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

impl MetricKind {
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

/// Splits the unit off the name, because the registry appends it itself.
fn split_unit(name: &str) -> (&str, Option<Unit>) {
    let of = |suffix, unit| name.strip_suffix(suffix).map(|stem| (stem, Some(unit)));
    of("_seconds", Unit::Seconds)
        .or_else(|| of("_bytes", Unit::Bytes))
        .unwrap_or((name, None))
}

const fn counter(name: &'static str, help: &'static str) -> Described {
    Described::of(MetricKind::Counter, name, help)
}

const fn gauge(name: &'static str, help: &'static str) -> Described {
    Described::of(MetricKind::Gauge, name, help)
}

const fn histogram(name: &'static str, help: &'static str) -> Described {
    Described::of(MetricKind::Histogram, name, help)
}
