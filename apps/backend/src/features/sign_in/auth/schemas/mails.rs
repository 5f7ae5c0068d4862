//! Request bodies for emails, and for the links and codes in them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::core::email::{Email, InvalidEmail};
use crate::core::extract::Rules;
use crate::core::handle::{Handle, HandleHash};
use crate::core::platform::Platform;
use crate::core::problem::{Code, FieldError, Problem};
use crate::core::random::SecureRandom;
use crate::features::identity::email_challenges::Answer;

/// A request for an email.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailRequest)]
pub struct MailRequestBody {
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
    /// The handle of an earlier response, to continue with it. Requesting another email for a sign-up requires the handle
    /// of that sign-up.
    #[schema(required = false)]
    #[serde(default)]
    handle: Option<String>,
}

impl Rules for MailRequestBody {
    fn mistakes(&self, _: &Platform) -> Vec<FieldError> {
        let email = self.email.parse::<Email>().err().map(FieldError::from);
        let handle = self.handle.as_deref().and_then(|text| text.parse::<Handle>().err());
        let handle = handle.map(|_| FieldError::new("handle", Code::Invalid));
        email.into_iter().chain(handle).collect()
    }
}

impl MailRequestBody {
    /// Returns the email address.
    ///
    /// # Errors
    /// If it is invalid. This reveals nothing about accounts.
    pub fn email(&self) -> Result<Email, Problem> {
        let wrong = |error: InvalidEmail| Problem::validation(vec![error.into()]);
        self.email.parse().map_err(wrong)
    }

    /// Returns the supplied handle, or a new one.
    ///
    /// # Errors
    /// If the supplied handle is invalid.
    pub fn handle(&self, random: SecureRandom) -> Result<Handle, Problem> {
        match &self.handle {
            None => Ok(Handle::generate(random)),
            Some(text) => text
                .parse()
                .map_err(|_| Problem::validation(vec![FieldError::new("handle", Code::Invalid)])),
        }
    }
}

/// The response to a request for an email.
#[derive(Serialize, ToSchema)]
#[schema(as = EmailRequested)]
pub struct EmailRequestedBody {
    /// A text for people.
    #[schema(example = "If there is something to send to this email address, it is on its way.")]
    message: &'static str,
    /// Keep it: the code in the email only works together with it. It is a secret, and part of every response, even if no
    /// email is sent.
    #[schema(example = "csh_gVuPgYbSXOVuHlCJlcVdqgZTrZxTxEWvXMw3qpJ8nTo")]
    handle: String,
}

impl EmailRequestedBody {
    /// Creates the response for the holder of this handle.
    pub fn new(handle: &Handle) -> Self {
        Self {
            message: "If there is something to send to this email address, it is on its way.",
            handle: handle.reveal(),
        }
    }
}

/// The token of an emailed link, or an emailed code with the email address it was sent to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailAnswer)]
pub struct MailAnswerBody {
    /// The `token` of the link.
    #[schema(required = false, nullable = false)]
    token: Option<String>,
    /// The email address that the code was sent to.
    #[schema(required = false, nullable = false, format = Email)]
    email: Option<String>,
    /// Six digits.
    #[schema(required = false, nullable = false, example = "012345")]
    code: Option<String>,
    /// The handle from the response to the request for the email. Required with a code, not with a link.
    #[schema(required = false, nullable = false)]
    handle: Option<String>,
}

impl MailAnswerBody {
    /// Creates the body from the fields of a form.
    pub fn new(token: Option<String>, email: Option<String>, code: Option<String>) -> Self {
        Self {
            token,
            email,
            code,
            handle: None,
        }
    }

    /// Adds the requester's handle.
    pub fn with(self, handle: Option<String>) -> Self {
        Self { handle, ..self }
    }

    /// Returns the supplied handle. An invalid one becomes a hash that matches no handle.
    pub fn handle(&self) -> Option<HandleHash> {
        let handle = self.handle.as_deref()?;
        Some(
            handle
                .parse::<Handle>()
                .map_or(HandleHash::NONE, |handle| handle.hash()),
        )
    }
}

impl TryFrom<MailAnswerBody> for Answer {
    type Error = Problem;

    /// Converts the body. A malformed token or code gets the same response as a wrong one.
    fn try_from(body: MailAnswerBody) -> Result<Self, Problem> {
        match (body.token, body.email, body.code) {
            (Some(token), None, None) => {
                let link = token.parse().map_err(|_| Problem::new(Code::InvalidAnswer))?;
                Ok(Self::Link(link))
            }
            (None, Some(email), Some(code)) => Ok(Self::Code(email.parse().ok().zip(code.parse().ok()))),
            (token, email, code) => {
                let mistake = answer_mistake(token.is_some(), email.is_some(), code.is_some());
                Err(Problem::validation(mistake.into_iter().collect()))
            }
        }
    }
}

/// Checks that the body has either the token of a link, or a code with the email address it was sent to.
pub fn answer_mistake(token: bool, email: bool, code: bool) -> Option<FieldError> {
    let missing = FieldError::new("token", Code::Missing).detail("Send `token`, or `email`, `code` and `handle`.");
    (!matches!((token, email, code), (true, false, false) | (false, true, true))).then_some(missing)
}

/// Checks that a code comes with the requester's handle.
pub fn handle_mistake(code: bool, handle: bool) -> Option<FieldError> {
    const NEEDED: &str = "A code requires the `handle` from the response to the request for the email.";
    (code && !handle).then(|| FieldError::new("handle", Code::Missing).detail(NEEDED))
}
