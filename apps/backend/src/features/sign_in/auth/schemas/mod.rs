//! The request and response bodies of signing up, in and out.

mod login;
mod mails;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::login::{EmailLoginBody, LoginBody, LoginForm, LoginJson};
pub use self::mails::{EmailRequestedBody, MailAnswerBody, MailRequestBody, answer_mistake, handle_mistake};
use super::service::SignUp;
use crate::core::email::{InvalidEmail, NewEmail};
use crate::core::extract::Rules;
use crate::core::handle::HandleHash;
use crate::core::password::Password;
use crate::core::platform::Platform;
use crate::core::problem::{FieldError, Problem};
use crate::core::profile::{MetadataPatch, Profile};
use crate::features::identity::accounts::{UserBody, new_profile};
use crate::features::sign_in::browser_sessions::BrowserTokenBody;

/// A new account: its email address and password, and what the user says about themselves.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Registration)]
pub struct RegistrationBody {
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
    /// 8 to 128 characters by default.
    #[schema(value_type = String, format = Password, example = "correct horse battery")]
    password: Password,
    /// 1 to 200 characters, without control characters.
    #[schema(required = false, example = "Ada Lovelace")]
    name: Option<String>,
    /// Data of your application that the user may read and change: an object of at most 32 members and 4 KiB.
    #[schema(value_type = Option<Object>, required = false)]
    metadata: Option<MetadataPatch>,
    /// With `cookie`, the user is also signed in, and the session is held by an HttpOnly cookie.
    #[schema(required = false)]
    session: Option<SignUpSession>,
}

/// How a sign-up opens a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignUpSession {
    /// With an HttpOnly cookie of this server. Only pages of this server, and of applications on the same site, may ask for
    /// it.
    Cookie,
}

impl Rules for RegistrationBody {
    fn mistakes(&self, platform: &Platform) -> Vec<FieldError> {
        let email = self.email.parse::<NewEmail>();
        let password = platform.check_password(&self.password, email.as_ref().map_or("", |email| email.typed()));
        let email = email.err().map(FieldError::from);
        let profile = self.profile().err().unwrap_or_default();
        let password = password.err().map(FieldError::from);
        email.into_iter().chain(password).chain(profile).collect()
    }
}

impl RegistrationBody {
    /// Returns whether the user is to be signed in too.
    pub fn opens_session(&self) -> bool {
        self.session.is_some()
    }

    fn profile(&self) -> Result<Profile, Vec<FieldError>> {
        new_profile(self.name.as_deref(), self.metadata.as_ref())
    }

    /// Returns the sign-up of the holder of this handle.
    ///
    /// # Errors
    /// If the email address, the name or the metadata is invalid.
    pub fn of(self, handle: HandleHash) -> Result<SignUp, Problem> {
        let wrong = |error: InvalidEmail| Problem::validation(vec![error.into()]);
        Ok(SignUp {
            email: self.email.parse().map_err(wrong)?,
            profile: self.profile().map_err(Problem::validation)?,
            password: self.password,
            handle,
        })
    }
}

/// The response to a sign-up: the account; with `"session": "cookie"`, an access token and the account.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Registered)]
pub enum RegisteredBody {
    Account(UserBody),
    #[expect(dead_code, reason = "described here, and written by `BrowserTokens`")]
    Session(BrowserTokenBody),
}

/// The current password and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChange)]
pub struct PasswordChangeBody {
    #[schema(value_type = String, format = Password)]
    pub current_password: Password,
    /// 8 to 128 characters by default.
    #[schema(value_type = String, format = Password)]
    pub new_password: Password,
}

impl Rules for PasswordChangeBody {
    /// Checks the new password. Whether it resembles the account's email address is checked by the service.
    fn mistakes(&self, platform: &Platform) -> Vec<FieldError> {
        let fault = platform.check_password(&self.new_password, "").err();
        fault
            .map(|fault| FieldError::from(fault).in_field("new_password"))
            .into_iter()
            .collect()
    }
}

/// The password, to confirm an action that cannot be undone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Confirmation)]
pub struct ConfirmationBody {
    #[schema(value_type = String, format = Password)]
    pub password: Password,
}
