//! An email address as typed into a page.

use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::cookies::Cookie;
use super::service::Pages;
use super::view::Mistake;
use super::visitor::Visitor;
use crate::core::email::{Email, NewEmail};
use crate::core::problem::Code;

/// RFC 5321 §4.5.3.1.3, without the angle brackets.
const MOST_OCTETS: usize = 254;
/// How long a browser remembers the typed email address.
const REMEMBERED: Duration = Duration::from_secs(30 * 60);

/// The typed text, without the whitespace and invisible characters that keyboards and clipboards add around it.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "String")]
pub(super) struct EmailInput(String);

impl From<String> for EmailInput {
    fn from(text: String) -> Self {
        let unseen = |c: char| {
            c.is_whitespace()
                || c.is_control()
                || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
        };
        Self(text.trim_matches(unseen).to_owned())
    }
}

impl EmailInput {
    /// Parses the email address.
    ///
    /// # Errors
    /// A problem with the field `email`.
    pub(super) fn email(&self) -> Result<Email, Mistake> {
        self.parsed()
    }

    /// Parses the email address for an account that is to have it.
    ///
    /// # Errors
    /// A problem with the field `email`.
    pub(super) fn new_email(&self) -> Result<NewEmail, Mistake> {
        self.parsed()
    }

    fn parsed<T: FromStr>(&self) -> Result<T, Mistake> {
        self.0.parse().map_err(|_| {
            let message = match self.0.len() > MOST_OCTETS {
                true => "error-email-long",
                false => Code::InvalidEmail.message(),
            };
            Mistake::new("email", message)
        })
    }

    /// Returns the email address that was typed into an earlier form.
    pub(super) fn typed_before(visitor: &Visitor) -> Self {
        let typed = visitor.typed().and_then(Self::decoded);
        typed.or_else(|| Self::hinted(visitor)).unwrap_or_default()
    }

    /// Returns the email address that a client expects (OpenID Connect Core §3.1.2.1).
    fn hinted(visitor: &Visitor) -> Option<Self> {
        let hint = visitor.interaction.as_ref()?.login_hint()?.to_owned();
        let is_address = hint.contains('@') && hint.len() <= MOST_OCTETS;
        is_address.then(|| hint.into())
    }

    /// Stores the email address in a cookie for the next form. In a URL it would end up in logs and histories.
    pub(super) fn remember(&self, pages: &Pages, visitor: &mut Visitor) {
        if (1..=MOST_OCTETS).contains(&self.0.len()) {
            visitor.set_cookie(pages, Cookie::Typed, &self.encoded(), Some(REMEMBERED));
        }
    }

    /// Encodes it for a cookie.
    pub(super) fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// Decodes it from a cookie.
    pub(super) fn decoded(text: &str) -> Option<Self> {
        let decoded = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(String::from_utf8(decoded).ok()?.into())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}
