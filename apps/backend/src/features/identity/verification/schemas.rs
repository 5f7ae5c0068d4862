//! The request bodies for verifying and changing an email address.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::core::email::{InvalidEmail, NewEmail};
use crate::core::extract::Rules;
use crate::core::password::Password;
use crate::core::platform::Platform;
use crate::core::problem::{FieldError, Problem};
use crate::features::sign_in::auth::{MailAnswerBody, answer_mistake};
use crate::features::sign_in::browser_sessions::SessionKind;

/// An emailed link or code, and proof that the account is yours.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EmailVerification)]
pub struct EmailVerificationBody {
    /// The `token` of the link.
    #[schema(required = false, nullable = false)]
    token: Option<String>,
    /// The email address that the code was sent to.
    #[schema(required = false, nullable = false, format = Email)]
    email: Option<String>,
    /// Six digits.
    #[schema(required = false, nullable = false, example = "012345")]
    code: Option<String>,
    /// The handle of the sign-up or of the request for the email.
    #[schema(required = false, nullable = false)]
    handle: Option<String>,
    /// The account's password, if the request has neither a session of the account nor the handle of its sign-up.
    #[schema(value_type = Option<String>, format = Password, required = false, nullable = false)]
    #[serde(default)]
    password: Option<Password>,
    /// Alternatively, a new password for the account, which ends all of its sessions.
    #[schema(value_type = Option<String>, format = Password, required = false, nullable = false)]
    #[serde(default)]
    new_password: Option<Password>,
    /// With `cookie`, the response also signs this browser in, unless `new_password` is set. `token` (the default) only
    /// verifies.
    #[schema(required = false)]
    #[serde(default)]
    session: SessionKind,
}

impl EmailVerificationBody {
    /// Returns whether the browser is to be signed in. A new password proves access to the mailbox alone: a person who passes
    /// on a link may read it too, and must not have another user signed in to an account of theirs (login CSRF).
    pub fn signs_in(&self) -> bool {
        self.session == SessionKind::Cookie && self.new_password.is_none()
    }

    /// Returns the link or the code, and the passwords.
    pub fn split(self) -> (MailAnswerBody, [Option<Password>; 2]) {
        (
            MailAnswerBody::new(self.token, self.email, self.code).with(self.handle),
            [self.password, self.new_password],
        )
    }
}

impl Rules for EmailVerificationBody {
    /// Whether a code requires a handle depends on whether the client is signed in.
    fn mistakes(&self, platform: &Platform) -> Vec<FieldError> {
        let (token, email, code) = (self.token.as_ref(), self.email.as_ref(), self.code.as_ref());
        let answer = answer_mistake(token.is_some(), email.is_some(), code.is_some());
        let fault = self
            .new_password
            .as_ref()
            .and_then(|new| platform.check_password(new, "").err());
        let password = fault.map(|fault| FieldError::from(fault).in_field("new_password"));
        answer.into_iter().chain(password).collect()
    }
}

/// The new email address, and the current password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EmailChange)]
pub struct EmailChangeBody {
    /// The new email address.
    #[schema(format = Email, example = "ada@example.org")]
    email: String,
    #[schema(value_type = String, format = Password)]
    pub password: Password,
}

impl Rules for EmailChangeBody {
    fn mistakes(&self, _: &Platform) -> Vec<FieldError> {
        let wrong = self.email.parse::<NewEmail>().err();
        wrong.map(FieldError::from).into_iter().collect()
    }
}

impl EmailChangeBody {
    /// Returns the new email address.
    ///
    /// # Errors
    /// If it is invalid.
    pub fn email(&self) -> Result<NewEmail, Problem> {
        let wrong = |error: InvalidEmail| Problem::validation(vec![error.into()]);
        self.email.parse().map_err(wrong)
    }
}
