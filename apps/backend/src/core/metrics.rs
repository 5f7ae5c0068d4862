//! What is counted beside the requests themselves (`layers`), the hashing (`password`) and the connections
//! (`server`): sign-ins, refreshes, the database pool.

use countersign_store::Db;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// The counters that services and routers raise.
pub struct Metrics {
    logins: Family<Outcome, Counter>,
    refreshes: Family<Outcome, Counter>,
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
        };
        registry.register("logins", "Sign-ins by outcome", metrics.logins.clone());
        registry.register("refreshes", "Refreshes by outcome", metrics.refreshes.clone());
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
