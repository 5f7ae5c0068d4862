//! The wire shapes of signing in and out.

use countersign_guard::Scopes;
use serde::Deserialize;
use utoipa::ToSchema;

use super::service::Credentials;
use crate::core::password::Password;
use crate::core::problem::{Code, FieldError, Problem};

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
        let scopes: Scopes =
            scope
                .unwrap_or_default()
                .parse()
                .map_err(|error: countersign_guard::UnknownScopeCharacter| {
                    Problem::validation(vec![FieldError::new("scope", Code::Invalid).detail(error.to_string())])
                })?;
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
