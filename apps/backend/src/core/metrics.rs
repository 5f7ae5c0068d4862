//! What is counted beside the requests themselves (`layers`), the hashing (`password`) and the connections
//! (`server`): sign-ins, refreshes, the database pool.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use countersign_store::Db;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

/// The counters that services and routers raise.
pub struct Metrics {
    logins: Family<Outcome, Counter>,
    refreshes: Family<Outcome, Counter>,
    audit_sealed: Counter,
    audit_lag: Gauge<f64, AtomicU64>,
    audit_shipping: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Metrics {
    /// The counters, registered, and the pool of `db` beside them.
    pub fn register(registry: &mut Registry, db: &Db) -> Self {
        let metrics = Self {
            logins: Family::default(),
            refreshes: Family::default(),
            audit_sealed: Counter::default(),
            audit_lag: Gauge::default(),
            audit_shipping: Gauge::default(),
        };
        registry.register("logins", "Sign-ins by outcome", metrics.logins.clone());
        registry.register("refreshes", "Refreshes by outcome", metrics.refreshes.clone());
        let help = "Entries of the audit log that were sealed by this process";
        registry.register("audit_sealed", help, metrics.audit_sealed.clone());
        let help = "How long the oldest entry of the audit log has been waiting to be sealed";
        registry.register_with_unit("audit_sealer_lag", help, Unit::Seconds, metrics.audit_lag.clone());
        let help = "1 while checkpoints of the audit log leave as they should (or need not), 0 while they do not";
        registry.register("audit_checkpoints_leave", help, metrics.audit_shipping.clone());
        registry.register_collector(Box::new(Pool(db.clone())));
        metrics
    }

    /// A sign-in ended with this outcome.
    pub fn login(&self, outcome: &'static str) {
        self.logins.get_or_create(&Outcome { outcome }).inc();
    }

    /// A refresh ended with this outcome.
    pub fn refresh(&self, outcome: &'static str) {
        self.refreshes.get_or_create(&Outcome { outcome }).inc();
    }
}

impl Metrics {
    /// So many entries of the audit log were sealed.
    pub fn audit_sealed(&self, entries: usize) {
        self.audit_sealed.inc_by(u64::try_from(entries).unwrap_or(0));
    }

    /// The oldest entry that is not sealed has waited this long.
    pub fn audit_lag(&self, lag: Duration) {
        self.audit_lag.set(lag.as_secs_f64());
    }

    /// Whether checkpoints leave as they should.
    pub fn audit_shipping(&self, leaving: bool) {
        self.audit_shipping.set(i64::from(leaving));
    }
}

/// Reads the pool's state when somebody asks.
struct Pool(Db);

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pool")
    }
}

impl Collector for Pool {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let pool = self.0.pool_status();
        for (name, help, value) in [
            ("database_connections", "Open database connections", pool.size),
            (
                "database_connections_in_use",
                "Database connections at work",
                pool.in_use,
            ),
            (
                "database_waiting",
                "Requests that wait for a database connection",
                pool.waiting,
            ),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}
