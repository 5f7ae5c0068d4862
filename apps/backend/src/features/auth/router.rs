//! Signing in and out, changing the password, exporting and deleting the account.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use countersign_guard::Reason;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{ConfirmationBody, LoginBody, LoginForm, LoginJson, PasswordChangeBody};
use super::service::{self, ExportBody, ExportError, LoginError, PasswordError};
use crate::Context;
use crate::core::dependencies::{CurrentUser, Identified};
use crate::core::extract::{self, JsonOrForm, OptionalBody};
use crate::core::origin::Origin;
use crate::core::problem::{Code, FieldError, Problem, ProblemBody};
use crate::features::sessions::{RefreshBody, TokenBody};

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(logout_all))
        .routes(routes!(change_password))
        .routes(routes!(export))
        .routes(routes!(delete))
}

/// Sign in
///
/// Takes the form of OAuth2's password grant, or JSON. Unknown addresses and wrong passwords get one and the same answer.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth",
    request_body(content((LoginForm = "application/x-www-form-urlencoded"), (LoginJson = "application/json"))),
    responses(
        (status = OK, description = "Signed in", body = TokenBody),
        (status = "default", description = "Not signed in", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
async fn login(State(context): State<Context>, origin: Origin, body: LoginBody) -> Result<Json<TokenBody>, Problem> {
    let result = service::login(&context, body.try_into()?, &origin).await;
    context
        .metrics
        .login(result.as_ref().err().map_or("success", LoginError::outcome));
    match result {
        Ok(tokens) => Ok(Json(tokens.into())),
        Err(LoginError::Invalid) => Err(Problem::new(Code::InvalidCredentials).challenge(&context.challenge())),
        Err(error) => Err(error.into()),
    }
}

/// Sign out
///
/// Ends the session of the bearer token, or of the refresh token in the body when the access token has expired.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", security((), ("password" = []), ("bearer" = [])),
    request_body(content((Option<RefreshBody> = "application/json"), (Option<RefreshBody> = "application/x-www-form-urlencoded"))),
    responses(
        (status = NO_CONTENT, description = "The session has ended"),
        (status = "default", description = "Refused", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
async fn logout(
    State(context): State<Context>,
    user: Result<CurrentUser, countersign_guard::Denied>,
    origin: Origin,
    OptionalBody(body): OptionalBody<RefreshBody>,
) -> Result<StatusCode, Problem> {
    // The refresh token counts where there is one: it works when the access token does not.
    if let Some(body) = body {
        let known = match body.secret() {
            Some(presented) => service::logout_by_refresh_token(&context, &presented, &origin).await?,
            None => false,
        };
        if !known {
            return Err(Problem::new(Code::InvalidRefreshToken).challenge(&context.challenge()));
        }
        return Ok(StatusCode::NO_CONTENT);
    }
    let user = user?;
    service::logout(&context, user.session_id(), user.account_id(), &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign out everywhere
#[utoipa::path(post, path = "/api/auth/logout-all", tag = "auth", security(("password" = []), ("bearer" = [])),
    responses(
        (status = NO_CONTENT, description = "Every session of the account has ended"),
        (status = "default", description = "Refused", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
async fn logout_all(State(context): State<Context>, user: CurrentUser, origin: Origin) -> Result<StatusCode, Problem> {
    service::logout_all(&context, user.account_id(), &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change the password
///
/// Ends all other sessions of the account.
#[utoipa::path(post, path = "/api/auth/change-password", tag = "auth", security(("password" = []), ("bearer" = [])),
    request_body = PasswordChangeBody,
    responses(
        (status = NO_CONTENT, description = "The password is changed"),
        (status = "default", description = "Refused", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
async fn change_password(
    State(context): State<Context>,
    user: CurrentUser,
    origin: Origin,
    extract::Json(body): extract::Json<PasswordChangeBody>,
) -> Result<StatusCode, Problem> {
    let whose = (user.account_id(), user.session_id());
    let passwords = (body.current_password, body.new_password);
    service::change_password(&context, whose, passwords, &origin)
        .await
        .map_err(|error| refused(&context, error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// All that is stored about me
#[utoipa::path(get, path = "/api/auth/me/export", tag = "accounts", security(("password" = []), ("bearer" = [])),
    responses(
        (status = OK, description = "One JSON document", body = ExportBody),
        (status = "default", description = "Refused", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
async fn export(
    State(context): State<Context>,
    user: CurrentUser,
    origin: Origin,
) -> Result<Json<ExportBody>, Problem> {
    let export = service::export(&context, (user.account_id(), user.session_id()), &origin).await?;
    export
        .map(Json)
        .ok_or_else(|| Problem::new(Code::InvalidToken).challenge(&context.challenge()))
}

/// Delete my account
///
/// It cannot be undone. The account, its scopes and its sessions are gone at once.
#[utoipa::path(delete, path = "/api/auth/me", tag = "accounts", security(("password" = []), ("bearer" = [])),
    request_body = ConfirmationBody,
    responses(
        (status = NO_CONTENT, description = "The account is deleted"),
        (status = "default", description = "Refused", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
async fn delete(
    State(context): State<Context>,
    user: CurrentUser,
    origin: Origin,
    extract::Json(body): extract::Json<ConfirmationBody>,
) -> Result<StatusCode, Problem> {
    let whose = (user.account_id(), user.session_id());
    service::delete(&context, whose, body.password, &origin)
        .await
        .map_err(|error| refused(&context, error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// A session that ended meanwhile is told like one that had ended before.
fn refused(context: &Context, error: PasswordError) -> Problem {
    match error {
        PasswordError::Ended => context.guard.denied(Reason::Ended).into(),
        error => error.into(),
    }
}

impl<S: Send + Sync> FromRequest<S> for LoginBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match extract::is_json(request.headers()) {
            true => extract::Json::from_request(request, state)
                .await
                .map(|extract::Json(body)| Self::Json(body)),
            false => JsonOrForm::from_request(request, state)
                .await
                .map(|JsonOrForm(body)| Self::Form(body)),
        }
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Invalid => Self::new(Code::InvalidCredentials),
            LoginError::Limited(exceeded) => exceeded.into(),
            LoginError::Hash(error) => error.into(),
            LoginError::Issue(error) => error.into(),
            LoginError::Store(error) => error.into(),
        }
    }
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Limited(exceeded) => exceeded.into(),
            ExportError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            // The token was right, so a challenge for another one would mislead: 403, not 401.
            PasswordError::Ended => Self::new(Code::InvalidToken),
            PasswordError::Wrong => Self::new(Code::InvalidCredentials).status(StatusCode::FORBIDDEN),
            PasswordError::Fault(fault) => Self::validation(vec![FieldError::from(fault).in_field("new_password")]),
            PasswordError::Limited(exceeded) => exceeded.into(),
            PasswordError::Hash(error) => error.into(),
            PasswordError::Store(error) => error.into(),
        }
    }
}
