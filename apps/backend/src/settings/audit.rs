//! `[audit]`: retention of the audit log, and where its checkpoints are saved.

use std::path::PathBuf;
use std::time::Duration;

use super::section::section;
use super::value::Value;
use super::value_error::ValueError;
use super::values::Values;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

section! {
    /// Retention of the audit log, and where its checkpoints are saved.
    Audit "audit." {
        /// The minimum time that entries are kept: 1d to 36500d, or 0s for no limit.
        #[warning = "older entries are removed for good; check what the law requires"]
        retention: Duration = "400d",
        /// A file to which each checkpoint is appended as a line. Off by default. On the same disk as the database, the
        /// file proves nothing, because anyone who can change the database can change the file too.
        checkpoint_file: Option<PathBuf> = "",
        /// A URL to which each checkpoint is posted (`application/jose`), at least once. Off by default.
        checkpoint_url: Option<Webhook> = "",
    }
}

/// A URL that checkpoints are posted to: `https`, or `http` on a loopback host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook(String);

impl Webhook {
    /// The URL.
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
    const FORM: &'static str = "URL, or empty";

    fn parse(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Ok(None);
        }
        let fault = |what: &str| {
            let what = format!("{text:?} {what}");
            Err(ValueError::new(
                what,
                "expected a URL such as https://log.example.com/checkpoints (http is allowed on loopback hosts only)",
            ))
        };
        let Ok(uri) = text.parse::<::http::Uri>() else {
            return fault("is not a valid URL");
        };
        let is_loopback = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match uri.scheme_str() {
            _ if uri
                .authority()
                .is_some_and(|authority| authority.as_str().contains('@')) =>
            {
                fault("must not contain a user name or password")
            }
            Some("https") => Ok(Some(Webhook(text.to_owned()))),
            Some("http") if is_loopback => Ok(Some(Webhook(text.to_owned()))),
            Some("http") => fault("must use https, or checkpoints cross the network unencrypted"),
            _ => fault("is not a valid URL"),
        }
    }
}

impl Value for Option<PathBuf> {
    const FORM: &'static str = "path, or empty";

    fn parse(text: &str) -> Result<Self, ValueError> {
        (!text.is_empty()).then(|| PathBuf::parse(text)).transpose()
    }
}
