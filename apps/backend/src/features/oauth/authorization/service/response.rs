//! The answer to a client: its redirect URI with parameters (RFC 6749 §4.1.2, RFC 9207).

use countersign_oauth::{OauthError, ResponseMode};

use crate::features::oauth::authorization::request::AnswerTo;

/// An answer that the browser takes to a client. No `Debug`: it contains the code.
pub struct AuthorizationResponse {
    to: AnswerTo,
    fields: Vec<(&'static str, String)>,
}

/// How a browser is to take an answer.
pub enum Carried<'r> {
    /// By a redirect to this URL.
    Redirect(String),
    /// By a form with these fields, sent to this URL.
    Form(&'r str, &'r [(&'static str, String)]),
}

impl AuthorizationResponse {
    pub(super) fn code(to: AnswerTo, code: String, issuer: &str) -> Self {
        Self::new(to, vec![("code", code)], issuer)
    }

    /// An error has these fields and no others (RFC 6749 §4.1.2.1).
    pub(super) fn error(to: AnswerTo, error: &OauthError, issuer: &str) -> Self {
        let fields = vec![
            ("error", error.code().as_str().to_owned()),
            ("error_description", error.description().to_owned()),
        ];
        Self::new(to, fields, issuer)
    }

    fn new(to: AnswerTo, mut fields: Vec<(&'static str, String)>, issuer: &str) -> Self {
        fields.extend(to.state.clone().map(|state| ("state", state)));
        // RFC 9207 §2.
        fields.push(("iss", issuer.to_owned()));
        Self { to, fields }
    }

    /// Returns whether it is an error.
    pub fn is_error(&self) -> bool {
        self.fields.iter().any(|(name, _)| *name == "error")
    }

    /// Returns whether the client is a native application.
    pub fn is_native(&self) -> bool {
        self.to.native
    }

    /// Returns how the browser takes it to the client. The registered redirect URI is not parsed and written again, but only
    /// appended to.
    pub fn carried(&self) -> Carried<'_> {
        let uri = self.to.redirect_uri.as_str();
        match self.to.mode {
            ResponseMode::FormPost => Carried::Form(uri, &self.fields),
            mode => {
                let fields = self.fields.iter().map(|(name, value)| (*name, value.as_str()));
                Carried::Redirect(mode.append(uri, fields))
            }
        }
    }
}
