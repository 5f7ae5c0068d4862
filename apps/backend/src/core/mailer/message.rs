//! A formatted email, and why it could not be sent.

use uuid::Uuid;

use crate::core::email::Email;
use crate::settings::Logo;

/// An email as it is sent. No `Debug`, because it may contain a link that opens an account.
pub struct Mail {
    /// The same for every attempt, so that duplicates can be detected.
    pub id: Uuid,
    pub to: Email,
    pub subject: String,
    /// The plain-text part.
    pub text: String,
    pub html: String,
    /// The link in the email, printed during development.
    pub link: Option<String>,
    /// Images of the HTML part. They are attached, so that reading the email loads nothing from another server.
    pub pictures: Vec<Picture>,
}

/// An attached image.
pub struct Picture {
    /// Its `Content-ID`, which the HTML part refers to as `cid:…` (RFC 2392).
    pub id: &'static str,
    pub logo: Logo,
}

/// Why an email was not sent. The texts contain no link.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The recipient is temporarily unavailable; retry later.
    #[error("{0}")]
    Transient(String),
    /// The mail server is unreachable or rejects our emails: no email can be sent until the operator fixes it.
    #[error("{0}")]
    Unavailable(String),
    /// Permanent: retrying would not help.
    #[error("{0}")]
    Permanent(String),
}
