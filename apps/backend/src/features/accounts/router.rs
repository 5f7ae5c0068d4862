//! `POST /api/auth/register` and `GET /api/auth/me`.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{RegistrationBody, UserBody};
use super::service::{self, RegisterError};
use crate::Context;
use crate::core::dependencies::{CurrentUser, Identified};
use crate::core::extract;
use crate::core::origin::Origin;
use crate::core::problem::{Code, Problem, ProblemBody};

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(register)).routes(routes!(me))
}

/// Sign up
///
/// Makes an account. The address is compared without regard to case; the password is kept as an Argon2id hash.
#[utoipa::path(post, path = "/api/auth/register", tag = "accounts",
    request_body = RegistrationBody,
    responses(
        (status = CREATED, description = "The new account", body = UserBody),
        (status = "default", description = "Not registered", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
async fn register(
    State(context): State<Context>,
    origin: Origin,
    extract::Json(body): extract::Json<RegistrationBody>,
) -> Result<(StatusCode, Json<UserBody>), Problem> {
    let account = service::sign_up(&context, body.try_into()?, &origin).await?;
    Ok((StatusCode::CREATED, Json(account.into())))
}

/// Who am I?
#[utoipa::path(get, path = "/api/auth/me", tag = "accounts", security(("password" = []), ("bearer" = [])),
    responses(
        (status = OK, description = "The account behind the token", body = UserBody),
        (status = "default", description = "Refused", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
async fn me(State(context): State<Context>, user: CurrentUser) -> Result<Json<UserBody>, Problem> {
    let account = service::profile(&context, user.account_id()).await?;
    Ok(Json(account.into()))
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Closed => Self::new(Code::SignupClosed),
            RegisterError::Limited(exceeded) => exceeded.into(),
            RegisterError::Password(fault) => Self::validation(vec![fault.into()]),
            RegisterError::EmailTaken => Self::new(Code::EmailTaken),
            RegisterError::Hash(error) => error.into(),
            RegisterError::Store(error) => error.into(),
        }
    }
}
