//! The wire shapes of signing up, in and out.

use countersign_guard::Scopes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::service::{Credentials, Registration};
use crate::core::email::{Email, InvalidEmail, NewEmail};
use crate::core::extract::Rules;
use crate::core::handle::{Handle, HandleHash};
use crate::core::password::Password;
use crate::core::platform::Platform;
use crate::core::problem::{Code, FieldError, Problem};
use crate::core::random::SecureRandom;
use crate::features::proofs::Answer;

/// What it takes to sign up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Registration)]
pub struct RegistrationBody {
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
    /// 8 to 128 characters, unless the server's settings say otherwise.
    #[schema(value_type = String, format = Password, example = "correct horse battery")]
    password: Password,
}

impl Rules for RegistrationBody {
    fn mistakes(&self, platform: &Platform) -> Vec<FieldError> {
        let email = self.email.parse::<NewEmail>();
        let password = platform.check_password(&self.password, email.as_ref().map_or("", |email| email.typed()));
        let email = email.err().map(FieldError::from);
        email.into_iter().chain(password.err().map(FieldError::from)).collect()
    }
}

impl RegistrationBody {
    /// What somebody signs up with who holds this handle.
    ///
    /// # Errors
    /// The address is none.
    pub fn of(self, handle: HandleHash) -> Result<Registration, Problem> {
        let wrong = |error: InvalidEmail| Problem::validation(vec![error.into()]);
        Ok(Registration {
            email: self.email.parse().map_err(wrong)?,
            password: self.password,
            handle,
        })
    }
}

/// The form of OAuth2's password grant (RFC 6749 §4.3.2), as FastAPI, Swagger UI and others send it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LoginForm)]
pub struct LoginForm {
    /// The e-mail address.
    #[schema(example = "ada@example.com")]
    username: String,
    #[schema(value_type = String, format = Password, example = "correct horse battery")]
    password: Password,
    /// If it is there, it must be `password`.
    #[schema(required = false, nullable = false, pattern = "^(password)?$")]
    grant_type: Option<String>,
    /// Scopes separated by spaces; none asks for all that the account owns.
    #[schema(required = false, nullable = false)]
    scope: Option<String>,
    /// Accepted and not used: this is the first-party client.
    #[serde(rename = "client_id")]
    #[schema(required = false, nullable = false)]
    _client_id: Option<String>,
    /// Accepted and not used: this is the first-party client.
    #[serde(rename = "client_secret")]
    #[schema(value_type = Option<String>, format = Password, required = false, nullable = false)]
    _client_secret: Option<Password>,
}

/// The same as JSON.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Login)]
pub struct LoginJson {
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
    #[schema(value_type = String, format = Password, example = "correct horse battery")]
    password: Password,
    /// Scopes separated by spaces; none asks for all that the account owns.
    #[schema(required = false)]
    scope: Option<String>,
}

/// Either shape; the Content-Type decides.
pub enum LoginBody {
    /// `application/x-www-form-urlencoded`.
    Form(LoginForm),
    /// `application/json`.
    Json(LoginJson),
}

impl Rules for LoginForm {
    fn mistakes(&self, _: &Platform) -> Vec<FieldError> {
        let grant = self.grant_type.as_deref().unwrap_or_default();
        let wrong = FieldError::new("grant_type", Code::Invalid).detail("It must be \"password\".");
        let grant = (!grant.is_empty() && grant != "password").then_some(wrong);
        grant.into_iter().chain(scope_mistake(self.scope.as_deref())).collect()
    }
}

impl Rules for LoginJson {
    fn mistakes(&self, _: &Platform) -> Vec<FieldError> {
        scope_mistake(self.scope.as_deref()).into_iter().collect()
    }
}

impl TryFrom<LoginBody> for Credentials {
    type Error = Problem;

    /// An address that is none is an unknown one: the answer must not tell.
    fn try_from(body: LoginBody) -> Result<Self, Problem> {
        let (email, password, scope) = match body {
            LoginBody::Form(form) => (form.username, form.password, form.scope),
            LoginBody::Json(json) => (json.email, json.password, json.scope),
        };
        let scopes = scopes(scope.as_deref())?;
        Ok(Self {
            email: email.parse().ok(),
            password,
            scopes,
        })
    }
}

/// The old password and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChange)]
pub struct PasswordChangeBody {
    #[schema(value_type = String, format = Password)]
    pub current_password: Password,
    /// 8 to 128 characters, unless the server's settings say otherwise.
    #[schema(value_type = String, format = Password)]
    pub new_password: Password,
}

impl Rules for PasswordChangeBody {
    /// Whether it is too much like the account's address, only the service can tell.
    fn mistakes(&self, platform: &Platform) -> Vec<FieldError> {
        let fault = platform.check_password(&self.new_password, "").err();
        fault
            .map(|fault| FieldError::from(fault).in_field("new_password"))
            .into_iter()
            .collect()
    }
}

/// The password once more, before something that cannot be undone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Confirmation)]
pub struct ConfirmationBody {
    #[schema(value_type = String, format = Password)]
    pub password: Password,
}

/// An address that something is to be mailed to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailRequest)]
pub struct MailRequestBody {
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
    /// The handle of an earlier answer, to go on with it: another mail for a sign-up needs that sign-up's.
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
    /// The address.
    ///
    /// # Errors
    /// It is none: that tells nothing about accounts.
    pub fn email(&self) -> Result<Email, Problem> {
        let wrong = |error: InvalidEmail| Problem::validation(vec![error.into()]);
        self.email.parse().map_err(wrong)
    }

    /// The handle that came along, or a new one.
    ///
    /// # Errors
    /// What came along is none.
    pub fn handle(&self, random: SecureRandom) -> Result<Handle, Problem> {
        match &self.handle {
            None => Ok(Handle::generate(random)),
            Some(text) => text
                .parse()
                .map_err(|_| Problem::validation(vec![FieldError::new("handle", Code::Invalid)])),
        }
    }
}

/// The one answer to whoever asks for a mail.
#[derive(Serialize, ToSchema)]
#[schema(as = MailAsked)]
pub struct MailAskedBody {
    /// For people.
    #[schema(example = "If there is something to send to this address, it is on its way.")]
    message: &'static str,
    /// Keep it: the code in the mail works only together with it. It is a secret, and there is one in every answer, also
    /// where nothing is mailed.
    #[schema(example = "csh_gVuPgYbSXOVuHlCJlcVdqgZTrZxTxEWvXMw3qpJ8nTo")]
    handle: String,
}

impl MailAskedBody {
    /// For the holder of this handle.
    pub fn new(handle: &Handle) -> Self {
        Self {
            message: "If there is something to send to this address, it is on its way.",
            handle: handle.reveal(),
        }
    }
}

/// What a person brings from a mail: the token of its link, or its code with the address that it went to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailAnswer)]
pub struct MailAnswerBody {
    /// `token` of the link.
    #[schema(required = false, nullable = false)]
    token: Option<String>,
    /// Where the code went to.
    #[schema(required = false, nullable = false, format = Email)]
    email: Option<String>,
    /// Six digits.
    #[schema(required = false, nullable = false, example = "012345")]
    code: Option<String>,
    /// The handle that came with the answer when the mail was asked for. A code needs it; a link works without.
    #[schema(required = false, nullable = false)]
    handle: Option<String>,
}

impl MailAnswerBody {
    /// From the fields of a form.
    pub fn new(token: Option<String>, email: Option<String>, code: Option<String>) -> Self {
        Self {
            token,
            email,
            code,
            handle: None,
        }
    }

    /// The same with the handle of who asked.
    pub fn with(self, handle: Option<String>) -> Self {
        Self { handle, ..self }
    }

    /// The handle that came along. One that is none is one that nobody has.
    pub fn handle(&self) -> Option<HandleHash> {
        let handle = self.handle.as_deref()?;
        Some(
            handle
                .parse::<Handle>()
                .map_or(HandleHash::NOBODYS, |handle| handle.hash()),
        )
    }
}

impl TryFrom<MailAnswerBody> for Answer {
    type Error = Problem;

    /// A text that cannot be right is a wrong one: the answer is the same.
    fn try_from(body: MailAnswerBody) -> Result<Self, Problem> {
        match (body.token, body.email, body.code) {
            (Some(token), None, None) => {
                let link = token.parse().map_err(|_| Problem::new(Code::InvalidProof))?;
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

/// A mailed link or code, and what scopes the session is to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EmailLogin)]
pub struct EmailLoginBody {
    /// `token` of the link.
    #[schema(required = false, nullable = false)]
    token: Option<String>,
    /// Where the code went to.
    #[schema(required = false, nullable = false, format = Email)]
    email: Option<String>,
    /// Six digits.
    #[schema(required = false, nullable = false, example = "012345")]
    code: Option<String>,
    /// The handle that came with the answer when the mail was asked for. A code needs it; a link works without.
    #[schema(required = false, nullable = false)]
    handle: Option<String>,
    /// Scopes separated by spaces; none asks for all that the account owns.
    #[schema(required = false)]
    #[serde(default)]
    pub scope: Option<String>,
}

impl Rules for EmailLoginBody {
    fn mistakes(&self, _: &Platform) -> Vec<FieldError> {
        let (token, email, code) = (self.token.as_ref(), self.email.as_ref(), self.code.as_ref());
        let answer = answer_mistake(token.is_some(), email.is_some(), code.is_some());
        let handle = handle_mistake(code.is_some(), self.handle.is_some());
        let scope = scope_mistake(self.scope.as_deref());
        answer.or(handle).into_iter().chain(scope).collect()
    }
}

impl EmailLoginBody {
    /// The link or the code.
    pub fn answer(self) -> MailAnswerBody {
        MailAnswerBody::new(self.token, self.email, self.code).with(self.handle)
    }

    /// The scopes that are asked for.
    ///
    /// # Errors
    /// A character that no scope has.
    pub fn scopes(&self) -> Result<Scopes, Problem> {
        scopes(self.scope.as_deref())
    }
}

/// A mail is answered by the token of its link, or by its code with the address that it went to.
pub fn answer_mistake(token: bool, email: bool, code: bool) -> Option<FieldError> {
    let missing = FieldError::new("token", Code::Missing).detail("Send `token`, or `email`, `code` and `handle`.");
    (!matches!((token, email, code), (true, false, false) | (false, true, true))).then_some(missing)
}

/// A code works only with the handle of who asked for its mail.
pub fn handle_mistake(code: bool, handle: bool) -> Option<FieldError> {
    const NEEDED: &str = "A code works only together with the `handle` of the answer to whoever asked for the mail.";
    (code && !handle).then(|| FieldError::new("handle", Code::Missing).detail(NEEDED))
}

fn scopes(text: Option<&str>) -> Result<Scopes, Problem> {
    read_scopes(text).map_err(|mistake| Problem::validation(vec![mistake]))
}

fn scope_mistake(text: Option<&str>) -> Option<FieldError> {
    read_scopes(text).err()
}

fn read_scopes(text: Option<&str>) -> Result<Scopes, FieldError> {
    text.unwrap_or_default()
        .parse()
        .map_err(|error: countersign_guard::UnknownScopeCharacter| {
            FieldError::new("scope", Code::Invalid).detail(error.to_string())
        })
}
