//! The wire shapes of signing up, in and out.

use countersign_guard::Scopes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::service::{Credentials, Registration};
use crate::core::email::Email;
use crate::core::password::Password;
use crate::core::problem::{Code, FieldError, Problem};
use crate::features::proofs::Answer;

/// What it takes to sign up.
#[derive(Deserialize, ToSchema)]
#[schema(as = Registration)]
pub struct RegistrationBody {
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
    /// 8 to 128 characters, unless the server's settings say otherwise.
    #[schema(value_type = String, format = Password, example = "correct horse battery")]
    password: Password,
}

impl TryFrom<RegistrationBody> for Registration {
    type Error = Problem;

    fn try_from(body: RegistrationBody) -> Result<Self, Problem> {
        let email = body
            .email
            .parse()
            .map_err(|_| Problem::validation(vec![FieldError::new("email", Code::InvalidEmail)]))?;
        Ok(Self {
            email,
            password: body.password,
        })
    }
}

/// The form of OAuth2's password grant (RFC 6749 §4.3.2), as FastAPI, Swagger UI and others send it.
#[derive(Deserialize, ToSchema)]
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

impl TryFrom<LoginBody> for Credentials {
    type Error = Problem;

    /// An address that is none is an unknown one: the answer must not tell.
    fn try_from(body: LoginBody) -> Result<Self, Problem> {
        let (email, password, scope) = match body {
            LoginBody::Form(form) => {
                if form
                    .grant_type
                    .is_some_and(|grant| !grant.is_empty() && grant != "password")
                {
                    let wrong = FieldError::new("grant_type", Code::Invalid).detail("It must be \"password\".");
                    return Err(Problem::validation(vec![wrong]));
                }
                (form.username, form.password, form.scope)
            }
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
#[schema(as = PasswordChange)]
pub struct PasswordChangeBody {
    #[schema(value_type = String, format = Password)]
    pub current_password: Password,
    /// 8 to 128 characters, unless the server's settings say otherwise.
    #[schema(value_type = String, format = Password)]
    pub new_password: Password,
}

/// The password once more, before something that cannot be undone.
#[derive(Deserialize, ToSchema)]
#[schema(as = Confirmation)]
pub struct ConfirmationBody {
    #[schema(value_type = String, format = Password)]
    pub password: Password,
}

/// An address that something is to be mailed to.
#[derive(Deserialize, ToSchema)]
#[schema(as = MailRequest)]
pub struct MailRequestBody {
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
}

impl MailRequestBody {
    /// The address.
    ///
    /// # Errors
    /// It is none: that tells nothing about accounts.
    pub fn email(&self) -> Result<Email, Problem> {
        let wrong = |_| Problem::validation(vec![FieldError::new("email", Code::InvalidEmail)]);
        self.email.parse().map_err(wrong)
    }
}

/// The one answer to whoever asks for a mail.
#[derive(Serialize, ToSchema)]
#[schema(as = MailAsked)]
pub struct MailAskedBody {
    /// For people.
    #[schema(example = "If there is something to send to this address, it is on its way.")]
    message: &'static str,
}

impl Default for MailAskedBody {
    fn default() -> Self {
        Self {
            message: "If there is something to send to this address, it is on its way.",
        }
    }
}

/// What a person brings from a mail: the token of its link, or its code with the address that it went to.
#[derive(Deserialize, ToSchema)]
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
}

impl MailAnswerBody {
    /// From the fields of a form.
    pub fn new(token: Option<String>, email: Option<String>, code: Option<String>) -> Self {
        Self { token, email, code }
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
            _ => {
                let missing = FieldError::new("token", Code::Missing).detail("Send `token`, or `email` and `code`.");
                Err(Problem::validation(vec![missing]))
            }
        }
    }
}

/// A mailed link or code, and what scopes the session is to have.
#[derive(Deserialize, ToSchema)]
#[schema(as = EmailLogin)]
pub struct EmailLoginBody {
    /// The link or the code.
    #[serde(flatten)]
    pub answer: MailAnswerBody,
    /// Scopes separated by spaces; none asks for all that the account owns.
    #[schema(required = false)]
    #[serde(default)]
    pub scope: Option<String>,
}

impl EmailLoginBody {
    /// The scopes that are asked for.
    ///
    /// # Errors
    /// A character that no scope has.
    pub fn scopes(&self) -> Result<Scopes, Problem> {
        scopes(self.scope.as_deref())
    }
}

fn scopes(text: Option<&str>) -> Result<Scopes, Problem> {
    text.unwrap_or_default()
        .parse()
        .map_err(|error: countersign_guard::UnknownScopeCharacter| {
            Problem::validation(vec![FieldError::new("scope", Code::Invalid).detail(error.to_string())])
        })
}
