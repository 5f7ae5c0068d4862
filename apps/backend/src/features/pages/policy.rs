//! The policy (CSP) of the pages.

use http::HeaderValue;

use crate::core::applications::Applications;

/// The policies of the pages: only our own files, no inline code and no framing.
#[derive(Clone)]
pub(super) struct Policies {
    /// Of most pages. Forms are sent to this origin. Chromium also checks the redirects after a form, which lead to
    /// applications.
    pub usual: HeaderValue,
    /// Of the pages of an authorization request, without `form-action`. Chromium would check every redirect after their forms,
    /// those of the client after our answer included, and no list can name where these lead (ADR 22).
    pub of_interactions: HeaderValue,
}

impl Policies {
    pub(super) fn new(applications: &Applications) -> Self {
        let targets: String = applications
            .policy_sources()
            .iter()
            .map(|source| format!(" {source}"))
            .collect();
        Self {
            usual: policy(&format!("form-action 'self'{targets}; ")),
            of_interactions: policy(""),
        }
    }
}

fn policy(form_action: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; {form_action}base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("origins are visible ASCII")
}
