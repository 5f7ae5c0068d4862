//! The policy (CSP) of the pages.

use http::HeaderValue;

use crate::core::applications::Applications;

/// Returns the policy of the pages: only our own files, no inline code and no framing. Forms are sent to this origin.
/// Chromium also checks the redirects after a form, which lead to applications.
pub(super) fn policy(applications: &Applications) -> HeaderValue {
    let targets: String = applications
        .policy_sources()
        .iter()
        .map(|source| format!(" {source}"))
        .collect();
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'{targets}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("origins are visible ASCII")
}
