//! `[audit]`: how long the audit log is kept, and where its checkpoints are kept beside it.

use std::path::PathBuf;
use std::time::Duration;

use super::section::section;
use super::value::Value;
use super::value_error::ValueError;
use super::values::Values;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

section! {
    /// How long the audit log is kept, and where its checkpoints are kept beside it.
    Audit "audit." {
        /// How long entries are kept, at least: 1d to 36500d, or 0s for ever.
        #[danger = "what happened before can be looked up no more; laws may ask for more, or for less"]
        retention: Duration = "400d",
        /// A file to which each checkpoint is appended, a line each; none if it is not set.
        #[danger = "on the same disk as the database it proves nothing: who can change one can change both"]
        checkpoint_file: Option<PathBuf> = "",
        /// Where each checkpoint is posted (`application/jose`), at least once; none if it is not set.
        checkpoint_url: Option<Webhook> = "",
    }
}

/// An address that is posted to: `https`, or `http` on a loopback address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook(String);

impl Webhook {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Audit {
    /// How long entries are kept; none for ever.
    pub fn retention(&self) -> Option<Duration> {
        (!self.retention.is_zero()).then_some(self.retention)
    }

    pub(super) fn check(&self, values: &mut Values) {
        if let Some(retention) = self.retention() {
            values.within("audit.retention", retention, DAY..=36500 * DAY);
        }
    }
}

impl Value for Option<Webhook> {
    const FORM: &'static str = "URL; empty for none";

    fn parse(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Ok(None);
        }
        let fault = |what: &str| {
            let what = format!("{text:?} {what}");
            Err(ValueError::new(
                what,
                "https://log.example.com/checkpoints, or http on a loopback address",
            ))
        };
        let Ok(uri) = text.parse::<::http::Uri>() else {
            return fault("is no URL");
        };
        let is_loopback = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match uri.scheme_str() {
            _ if uri
                .authority()
                .is_some_and(|authority| authority.as_str().contains('@')) =>
            {
                fault("holds a password")
            }
            Some("https") => Ok(Some(Webhook(text.to_owned()))),
            Some("http") if is_loopback => Ok(Some(Webhook(text.to_owned()))),
            Some("http") => fault("would cross the network in the clear"),
            _ => fault("is no URL"),
        }
    }
}

impl Value for Option<PathBuf> {
    const FORM: &'static str = "path; empty for none";

    fn parse(text: &str) -> Result<Self, ValueError> {
        (!text.is_empty()).then(|| PathBuf::parse(text)).transpose()
    }
}
