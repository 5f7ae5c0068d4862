//! The response headers of limits: `Retry-After` (RFC 9110 §10.2.3), and `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers-11 §3 and §4). Times are whole seconds, rounded up, because an early
//! retry is rejected.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue};

use super::{Exceeded, Policy};
use crate::settings::Rate;

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

impl Exceeded {
    /// `Retry-After`, `RateLimit-Policy` and `RateLimit`, for a 429.
    pub fn headers(&self) -> [(HeaderName, HeaderValue); 3] {
        [
            (RETRY_AFTER, HeaderValue::from(seconds(self.retry_after))),
            allowed(self.policy, self.rate),
            available(self.policy, 0, self.retry_after),
        ]
    }
}

/// `q`: quota; `w`: window.
fn allowed(policy: Policy, rate: Rate) -> (HeaderName, HeaderValue) {
    (
        RATE_LIMIT_POLICY,
        value(format!("\"{policy}\";q={};w={}", rate.count, seconds(rate.per))),
    )
}

/// `r`: remaining; `t`: seconds during which no more become available.
fn available(policy: Policy, remaining: u32, next: Duration) -> (HeaderName, HeaderValue) {
    (
        RATE_LIMIT,
        value(format!("\"{policy}\";r={remaining};t={}", seconds(next))),
    )
}

fn value(text: String) -> HeaderValue {
    text.try_into()
        .expect("a policy's name is small letters and underscores, the rest is numbers")
}

fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_65_every_429_has_retry_after() {
        let exceeded = Exceeded {
            policy: Policy::LoginPerAccount,
            rate: Rate {
                count: 10,
                per: Duration::from_secs(900),
            },
            retry_after: Duration::from_millis(89_001),
        };
        let written: Vec<_> = exceeded
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        assert_eq!(
            written,
            [
                r#"retry-after: "90""#,
                r#"ratelimit-policy: "\"login_per_account\";q=10;w=900""#,
                r#"ratelimit: "\"login_per_account\";r=0;t=90""#,
            ]
        );
    }
}
