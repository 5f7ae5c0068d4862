//! The catalog of all metrics, and the counters of sign-ins, refreshes and the audit log. Requests (`layers`), hashing
//! (`password`), connections (`server`) and limits have their own. Metrics that are read on demand (ages, lags, the
//! pool) are in `features/operations/health`.

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
pub use self::outcome::{
    AuthorizeOutcome, CookieTokenOutcome, DeviceOutcome, HandoffOutcome, IntrospectionOutcome, LoginOutcome,
    NoticeOutcome, RefreshOutcome, RevocationOutcome, SendOutcome, SignOutOutcome, TokenOutcome, UserInfoOutcome,
};
pub use self::process::process;

/// The counters of services and routers.
pub struct ServiceMetrics {
    logins: Family<OutcomeLabel, Counter>,
    refreshes: Family<OutcomeLabel, Counter>,
    cookie_tokens: Family<OutcomeLabel, Counter>,
    userinfo: Family<OutcomeLabel, Counter>,
    handoffs: Family<OutcomeLabel, Counter>,
    authorize: Family<OutcomeLabel, Counter>,
    tokens: Family<OutcomeLabel, Counter>,
    token_revocations: Family<OutcomeLabel, Counter>,
    introspections: Family<OutcomeLabel, Counter>,
    device_requests: Family<OutcomeLabel, Counter>,
    sign_out_requests: Family<OutcomeLabel, Counter>,
    emails: Family<OutcomeLabel, Counter>,
    emails_overdue: Gauge,
    emails_overdue_seconds: Gauge<f64, AtomicU64>,
    logout_notices: Family<OutcomeLabel, Counter>,
    logout_notices_overdue: Gauge,
    audit_sealed: Counter,
    audit_lag: Gauge<f64, AtomicU64>,
    audit_shipping: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

impl ServiceMetrics {
    /// Creates and registers the counters.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            logins: Family::default(),
            refreshes: Family::default(),
            cookie_tokens: Family::default(),
            userinfo: Family::default(),
            handoffs: Family::default(),
            authorize: Family::default(),
            tokens: Family::default(),
            token_revocations: Family::default(),
            introspections: Family::default(),
            device_requests: Family::default(),
            sign_out_requests: Family::default(),
            emails: Family::default(),
            emails_overdue: Gauge::default(),
            emails_overdue_seconds: Gauge::default(),
            logout_notices: Family::default(),
            logout_notices_overdue: Gauge::default(),
            audit_sealed: Counter::default(),
            audit_lag: Gauge::default(),
            audit_shipping: Gauge::default(),
        };
        registry.add("logins", metrics.logins.clone());
        registry.add("refreshes", metrics.refreshes.clone());
        registry.add("cookie_tokens", metrics.cookie_tokens.clone());
        registry.add("oauth_userinfo", metrics.userinfo.clone());
        registry.add("handoffs", metrics.handoffs.clone());
        registry.add("authorization_requests", metrics.authorize.clone());
        registry.add("oauth_tokens", metrics.tokens.clone());
        registry.add("oauth_revocations", metrics.token_revocations.clone());
        registry.add("oauth_introspections", metrics.introspections.clone());
        registry.add("oauth_device_requests", metrics.device_requests.clone());
        registry.add("sign_out_requests", metrics.sign_out_requests.clone());
        registry.add("emails", metrics.emails.clone());
        registry.add("emails_overdue", metrics.emails_overdue.clone());
        registry.add("emails_overdue_seconds", metrics.emails_overdue_seconds.clone());
        registry.add("logout_notices", metrics.logout_notices.clone());
        registry.add("logout_notices_overdue", metrics.logout_notices_overdue.clone());
        registry.add("audit_sealed", metrics.audit_sealed.clone());
        registry.add("audit_sealer_lag_seconds", metrics.audit_lag.clone());
        registry.add("audit_checkpoints_shipping", metrics.audit_shipping.clone());
        metrics
    }

    /// Counts a sign-in with this outcome.
    pub fn login(&self, outcome: LoginOutcome) {
        let outcome = outcome.name();
        self.logins.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts a refresh with this outcome.
    pub fn refresh(&self, outcome: RefreshOutcome) {
        let outcome = outcome.name();
        self.refreshes.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts a request at the UserInfo endpoint.
    pub fn userinfo(&self, outcome: UserInfoOutcome) {
        let outcome = outcome.name();
        self.userinfo.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts a request for an access token with a session cookie.
    pub fn cookie_token(&self, outcome: CookieTokenOutcome) {
        let outcome = outcome.name();
        self.cookie_tokens.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts a sign-in of a browser to an application with this outcome.
    pub fn handoff(&self, outcome: HandoffOutcome) {
        let outcome = outcome.name();
        self.handoffs.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts an authorization request with this outcome.
    pub fn authorize(&self, outcome: AuthorizeOutcome) {
        let outcome = outcome.name();
        self.authorize.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts a request at the token endpoint.
    pub fn token(&self, outcome: TokenOutcome) {
        let outcome = outcome.name();
        self.tokens.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts a request at the revocation endpoint.
    pub fn revocation(&self, outcome: RevocationOutcome) {
        let outcome = outcome.name();
        self.token_revocations.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts a request at the introspection endpoint.
    pub fn introspection(&self, outcome: IntrospectionOutcome) {
        let outcome = outcome.name();
        self.introspections.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts a request of a device.
    pub fn device_request(&self, outcome: DeviceOutcome) {
        let outcome = outcome.name();
        self.device_requests.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts a request of an application to sign a user out.
    pub fn sign_out_request(&self, outcome: SignOutOutcome) {
        let outcome = outcome.name();
        self.sign_out_requests.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Sets the number of overdue emails and the time that the oldest has been queued.
    pub fn emails_overdue(&self, count: i64, age: Duration) {
        self.emails_overdue.set(count);
        self.emails_overdue_seconds.set(age.as_secs_f64());
    }

    /// Counts an attempt to send a logout notice with this outcome.
    pub fn logout_notice(&self, outcome: NoticeOutcome) {
        let outcome = outcome.name();
        self.logout_notices.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Sets the number of overdue logout notices.
    pub fn logout_notices_overdue(&self, count: i64) {
        self.logout_notices_overdue.set(count);
    }

    /// Counts an attempt to send an email with this outcome.
    pub fn mail(&self, outcome: SendOutcome) {
        let outcome = outcome.name();
        self.emails.get_or_create(&OutcomeLabel { outcome }).inc();
    }
}

impl ServiceMetrics {
    /// Counts sealed entries of the audit log.
    pub fn audit_sealed(&self, entries: usize) {
        self.audit_sealed.inc_by(u64::try_from(entries).unwrap_or(0));
    }

    /// Sets the age of the oldest unsealed entry.
    pub fn audit_lag(&self, lag: Duration) {
        self.audit_lag.set(lag.as_secs_f64());
    }

    /// Sets whether checkpoints are delivered.
    pub fn audit_shipping(&self, leaving: bool) {
        self.audit_shipping.set(i64::from(leaving));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the words in backticks, except the label name at the beginning.
    fn explained(metric: &str) -> Vec<&'static str> {
        let described = METRICS.iter().find(|described| described.name == metric).unwrap();
        described.labels.split('`').skip(1).step_by(2).skip(1).collect()
    }

    #[test]
    fn the_catalogue_explains_every_outcome() {
        let (logins, refreshes, emails) = (LoginOutcome::ALL, RefreshOutcome::ALL, SendOutcome::ALL);
        let handoffs = HandoffOutcome::ALL;
        let names = [
            ("logins", logins.iter().map(|outcome| outcome.name()).collect()),
            (
                "oauth_userinfo",
                UserInfoOutcome::ALL.iter().map(|outcome| outcome.name()).collect(),
            ),
            (
                "cookie_tokens",
                CookieTokenOutcome::ALL.iter().map(|outcome| outcome.name()).collect(),
            ),
            ("refreshes", refreshes.iter().map(|outcome| outcome.name()).collect()),
            (
                "authorization_requests",
                AuthorizeOutcome::ALL.iter().map(|outcome| outcome.name()).collect(),
            ),
            ("handoffs", handoffs.iter().map(|outcome| outcome.name()).collect()),
            (
                "logout_notices",
                NoticeOutcome::ALL.iter().map(|outcome| outcome.name()).collect(),
            ),
            (
                "oauth_tokens",
                TokenOutcome::ALL.iter().map(|outcome| outcome.name()).collect(),
            ),
            (
                "oauth_revocations",
                RevocationOutcome::ALL.iter().map(|outcome| outcome.name()).collect(),
            ),
            (
                "oauth_introspections",
                IntrospectionOutcome::ALL.iter().map(|outcome| outcome.name()).collect(),
            ),
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
