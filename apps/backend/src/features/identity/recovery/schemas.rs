//! The request body of a password reset.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::core::extract::Rules;
use crate::core::password::Password;
use crate::core::platform::Platform;
use crate::core::problem::FieldError;
use crate::features::sign_in::auth::{MailAnswerBody, answer_mistake, handle_mistake};

/// An emailed link or code, and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Recovery)]
pub struct RecoveryBody {
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
    /// 8 to 128 characters by default.
    #[schema(value_type = String, format = Password)]
    new_password: Password,
}

impl RecoveryBody {
    /// Returns the link or the code, and the new password.
    pub fn split(self) -> (MailAnswerBody, Password) {
        (
            MailAnswerBody::new(self.token, self.email, self.code).with(self.handle),
            self.new_password,
        )
    }
}

impl Rules for RecoveryBody {
    /// Checks the new password. Whether it resembles the email address is checked later, when the email address is known.
    fn mistakes(&self, platform: &Platform) -> Vec<FieldError> {
        let (token, email, code) = (self.token.as_ref(), self.email.as_ref(), self.code.as_ref());
        let answer = answer_mistake(token.is_some(), email.is_some(), code.is_some());
        let handle = handle_mistake(code.is_some(), self.handle.is_some());
        let password = platform.check_password(&self.new_password, "").err();
        let password = password.map(|fault| FieldError::from(fault).in_field("new_password"));
        answer.or(handle).into_iter().chain(password).collect()
    }
}
