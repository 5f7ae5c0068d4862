//! Values that are read when metrics are requested: ages, lags, the pool.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::service::Health;
use crate::core::metrics::{PREFIX, Register};

pub(super) fn readings(health: &Health) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    let seconds = |duration: std::time::Duration| ConstGauge::new(duration.as_secs_f64());
    let number = |number: usize| ConstGauge::new(i64::try_from(number).unwrap_or(i64::MAX));
    registry.add("revocation_lag_seconds", seconds(health.revocations.lag()));
    registry.add("status_lists", number(health.revocations.list_count()));
    registry.add("signing_key_age_seconds", seconds(health.keys.signing_age()));
    registry.add("signing_key_ready", number(usize::from(health.keys.can_sign())));
    registry.add("sealing_keys_missing", number(health.keys.missing_sealing_keys()));
    let pool = health.db.pool_status();
    registry.add("database_connections", number(pool.size));
    registry.add("database_connections_in_use", number(pool.in_use));
    registry.add("database_waiting", number(pool.waiting));
    let build = Family::<[(&str, &str); 1], Gauge>::default();
    build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    registry.add("build_info", build);
    registry
}
