//! The request bodies of sign-ins.

use countersign_guard::Scopes;
use serde::Deserialize;
use utoipa::ToSchema;

use super::mails::{MailAnswerBody, answer_mistake, handle_mistake};
use crate::core::extract::Rules;
use crate::core::password::Password;
use crate::core::platform::Platform;
use crate::core::problem::{Code, FieldError, Problem};
use crate::features::sign_in::auth::service::Credentials;
use crate::features::sign_in::browser_sessions::SessionKind;

/// The form of OAuth2's password grant (RFC 6749 §4.3.2), as FastAPI, Swagger UI and others send it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LoginForm)]
pub struct LoginForm {
    /// The email address.
    #[schema(example = "ada@example.com")]
    username: String,
    #[schema(value_type = String, format = Password, example = "correct horse battery")]
    password: Password,
    /// If present, it must be `password`.
    #[schema(required = false, nullable = false, pattern = "^(password)?$")]
    grant_type: Option<String>,
    /// The requested scopes, separated by spaces. Default: all scopes of the account.
    #[schema(required = false, nullable = false)]
    scope: Option<String>,
    /// With `cookie`, the session is held by an HttpOnly cookie instead of a refresh token.
    #[schema(required = false)]
    #[serde(default)]
    session: SessionKind,
    /// Accepted but ignored: this is the first-party client.
    #[serde(rename = "client_id")]
    #[schema(required = false, nullable = false)]
    _client_id: Option<String>,
    /// Accepted but ignored: this is the first-party client.
    #[serde(rename = "client_secret")]
    #[schema(value_type = Option<String>, format = Password, required = false, nullable = false)]
    _client_secret: Option<Password>,
}

/// The same form as JSON.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Login)]
pub struct LoginJson {
    #[schema(format = Email, example = "ada@example.com")]
    email: String,
    #[schema(value_type = String, format = Password, example = "correct horse battery")]
    password: Password,
    /// The requested scopes, separated by spaces. Default: all scopes of the account.
    #[schema(required = false)]
    scope: Option<String>,
    /// With `cookie`, the session is held by an HttpOnly cookie instead of a refresh token.
    #[schema(required = false)]
    #[serde(default)]
    session: SessionKind,
}

/// Either shape; the Content-Type decides.
pub enum LoginBody {
    /// `application/x-www-form-urlencoded`.
    Form(LoginForm),
    /// `application/json`.
    Json(LoginJson),
}

impl LoginBody {
    /// Returns how the client will hold its session.
    pub fn session(&self) -> SessionKind {
        match self {
            Self::Form(form) => form.session,
            Self::Json(json) => json.session,
        }
    }
}

impl Rules for LoginForm {
    fn mistakes(&self, _: &Platform) -> Vec<FieldError> {
        let grant = self.grant_type.as_deref().unwrap_or_default();
        let wrong = FieldError::new("grant_type", Code::Invalid).detail("Must be \"password\".");
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

    /// Converts the body. A malformed email address is treated like an unknown one, so that the response is the same.
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

/// An emailed link or code, and the scopes of the new session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EmailLogin)]
pub struct EmailLoginBody {
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
    /// The requested scopes, separated by spaces. Default: all scopes of the account.
    #[schema(required = false)]
    #[serde(default)]
    pub scope: Option<String>,
    /// With `cookie`, the session is held by an HttpOnly cookie instead of a refresh token.
    #[schema(required = false)]
    #[serde(default)]
    pub session: SessionKind,
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
    /// Returns the link or the code.
    pub fn answer(self) -> MailAnswerBody {
        MailAnswerBody::new(self.token, self.email, self.code).with(self.handle)
    }

    /// Returns the requested scopes.
    ///
    /// # Errors
    /// If a scope contains an invalid character.
    pub fn scopes(&self) -> Result<Scopes, Problem> {
        scopes(self.scope.as_deref())
    }
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
