//! A mail, and why it did not leave.

use uuid::Uuid;

use crate::core::email::Email;
use crate::settings::Logo;

/// A mail as it is sent. No `Debug`: it may hold a link that opens an account.
pub struct Mail {
    /// The same for every attempt, so that a mail which arrives twice can be known by it.
    pub id: Uuid,
    pub to: Email,
    pub subject: String,
    /// The whole as plain text.
    pub text: String,
    pub html: String,
    /// The link in it, to be printed while developing.
    pub link: Option<String>,
    /// Pictures of the HTML part. They are attached, so that reading the email loads nothing from elsewhere.
    pub pictures: Vec<Picture>,
}

/// An attached picture.
pub struct Picture {
    /// Its `Content-ID`, which the HTML part refers to as `cid:…` (RFC 2392).
    pub id: &'static str,
    pub logo: Logo,
}

/// Why a mail did not leave. The texts name no link.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The recipient cannot be served just now; it may leave later.
    #[error("{0}")]
    Transient(String),
    /// The mail server cannot be reached, or does not take mails from us: nothing leaves before an operator mends it.
    #[error("{0}")]
    Unavailable(String),
    /// It will not leave, however often it is tried.
    #[error("{0}")]
    Permanent(String),
}
