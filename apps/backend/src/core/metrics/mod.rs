//! The catalogue of all metrics, and those that are counted beside the requests themselves (`layers`), the hashing
//! (`password`), the connections (`server`) and the limits: sign-ins, refreshes, the audit log. What is only read when
//! somebody asks (ages, lags, the pool) is in `features/health`.

mod catalogue;
mod outcome;
mod process;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[cfg(feature = "testing")]
pub use self::catalogue::{METRICS, reference};
pub use self::catalogue::{PREFIX, Register};
pub use self::outcome::{LoginOutcome, RefreshOutcome, SendOutcome};
pub use self::process::process;

/// The counters that services and routers raise.
pub struct ServiceMetrics {
    logins: Family<OutcomeLabel, Counter>,
    refreshes: Family<OutcomeLabel, Counter>,
    emails: Family<OutcomeLabel, Counter>,
    emails_overdue: Gauge,
    emails_overdue_seconds: Gauge<f64, AtomicU64>,
    audit_sealed: Counter,
    audit_lag: Gauge<f64, AtomicU64>,
    audit_shipping: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

impl ServiceMetrics {
    /// The counters, registered.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            logins: Family::default(),
            refreshes: Family::default(),
            emails: Family::default(),
            emails_overdue: Gauge::default(),
            emails_overdue_seconds: Gauge::default(),
            audit_sealed: Counter::default(),
            audit_lag: Gauge::default(),
            audit_shipping: Gauge::default(),
        };
        registry.add("logins", metrics.logins.clone());
        registry.add("refreshes", metrics.refreshes.clone());
        registry.add("emails", metrics.emails.clone());
        registry.add("emails_overdue", metrics.emails_overdue.clone());
        registry.add("emails_overdue_seconds", metrics.emails_overdue_seconds.clone());
        registry.add("audit_sealed", metrics.audit_sealed.clone());
        registry.add("audit_sealer_lag_seconds", metrics.audit_lag.clone());
        registry.add("audit_checkpoints_shipping", metrics.audit_shipping.clone());
        metrics
    }

    /// A sign-in ended with this outcome.
    pub fn login(&self, outcome: LoginOutcome) {
        let outcome = outcome.name();
        self.logins.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// A refresh ended with this outcome.
    pub fn refresh(&self, outcome: RefreshOutcome) {
        let outcome = outcome.name();
        self.refreshes.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// So many mails should have left, and the oldest of them has been queued for so long.
    pub fn emails_overdue(&self, count: i64, age: Duration) {
        self.emails_overdue.set(count);
        self.emails_overdue_seconds.set(age.as_secs_f64());
    }

    /// An attempt to send a mail ended with this outcome.
    pub fn mail(&self, outcome: SendOutcome) {
        let outcome = outcome.name();
        self.emails.get_or_create(&OutcomeLabel { outcome }).inc();
    }
}

impl ServiceMetrics {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The words in backticks, but for the name of the label in front.
    fn explained(metric: &str) -> Vec<&'static str> {
        let described = METRICS.iter().find(|described| described.name == metric).unwrap();
        described.labels.split('`').skip(1).step_by(2).skip(1).collect()
    }

    #[test]
    fn the_catalogue_explains_every_outcome() {
        let (logins, refreshes, emails) = (LoginOutcome::ALL, RefreshOutcome::ALL, SendOutcome::ALL);
        let names = [
            ("logins", logins.iter().map(|outcome| outcome.name()).collect()),
            ("refreshes", refreshes.iter().map(|outcome| outcome.name()).collect()),
            (
                "emails",
                emails.iter().map(|outcome| outcome.name()).collect::<Vec<_>>(),
            ),
        ];
        for (metric, names) in names {
            assert_eq!(explained(metric), names, "{metric}");
        }
    }
}
