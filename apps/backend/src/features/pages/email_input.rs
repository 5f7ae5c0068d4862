//! An e-mail address as somebody typed it into a page.

use std::str::FromStr;

use serde::Deserialize;

use super::view::Mistake;
use crate::core::email::{Email, NewEmail};
use crate::core::problem::Code;

/// RFC 5321 §4.5.3.1.3, less the angle brackets.
const MOST_OCTETS: usize = 254;

/// What was typed, without what keyboards and the clipboard put around it.
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
    /// The address that it is.
    ///
    /// # Errors
    /// What is wrong with the field `email`.
    pub(super) fn email(&self) -> Result<Email, Mistake> {
        self.parsed()
    }

    /// The address that it is, for an account that is to get it.
    ///
    /// # Errors
    /// What is wrong with the field `email`.
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

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}
