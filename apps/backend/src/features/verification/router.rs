//! `/api/auth/verify-email` and `/api/auth/change-email`.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::EmailChangeBody;
use super::service::{self, ChangeError};
use crate::Context;
use crate::core::dependencies::{CurrentUser, Identified};
use crate::core::extract;
use crate::core::origin::Origin;
use crate::core::problem::{Code, Problem, ProblemBody};
use crate::features::auth::{self, MailAnswerBody, MailAskedBody, MailRequestBody};
use crate::features::outbox::Purpose;

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(ask_to_verify))
        .routes(routes!(verify))
        .routes(routes!(ask_to_change))
        .routes(routes!(change))
}

/// Ask for a mail to verify the address
///
/// For an account whose address is not verified. The answer is the same for every address.
#[utoipa::path(post, path = "/api/auth/verify-email", tag = "verification",
    request_body = MailRequestBody,
    responses(
        (status = ACCEPTED, description = "A mail is on its way, if there is something to verify", body = MailAskedBody),
        (status = "default", description = "Refused", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
async fn ask_to_verify(
    State(context): State<Context>,
    origin: Origin,
    extract::Json(body): extract::Json<MailRequestBody>,
) -> Result<(StatusCode, Json<MailAskedBody>), Problem> {
    auth::ask(&context, Purpose::VerifyEmail, &body.email()?, &origin).await?;
    Ok((StatusCode::ACCEPTED, Json(MailAskedBody::default())))
}

/// Verify the address
#[utoipa::path(post, path = "/api/auth/verify-email/confirm", tag = "verification",
    request_body = MailAnswerBody,
    responses(
        (status = NO_CONTENT, description = "The address is verified"),
        (status = "default", description = "Refused", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
async fn verify(
    State(context): State<Context>,
    origin: Origin,
    extract::Json(body): extract::Json<MailAnswerBody>,
) -> Result<StatusCode, Problem> {
    service::verify(&context, body.try_into()?, &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask to change the address
///
/// A mail goes to the new address; nothing changes before its reader confirms it.
#[utoipa::path(post, path = "/api/auth/change-email", tag = "verification", security(("password" = []), ("bearer" = [])),
    request_body = EmailChangeBody,
    responses(
        (status = ACCEPTED, description = "A mail is on its way, if the address is free", body = MailAskedBody),
        (status = "default", description = "Refused", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
async fn ask_to_change(
    State(context): State<Context>,
    user: CurrentUser,
    origin: Origin,
    extract::Checked(body): extract::Checked<EmailChangeBody>,
) -> Result<(StatusCode, Json<MailAskedBody>), Problem> {
    let email = body.email()?;
    service::ask_to_change(&context, user.account_id(), (&email, body.password), &origin).await?;
    Ok((StatusCode::ACCEPTED, Json(MailAskedBody::default())))
}

/// Change the address
///
/// The old address is told.
#[utoipa::path(post, path = "/api/auth/change-email/confirm", tag = "verification",
    request_body = MailAnswerBody,
    responses(
        (status = NO_CONTENT, description = "The account has the new address"),
        (status = "default", description = "Refused", body = ProblemBody<'static>, content_type = "application/problem+json"),
    ))]
async fn change(
    State(context): State<Context>,
    origin: Origin,
    extract::Json(body): extract::Json<MailAnswerBody>,
) -> Result<StatusCode, Problem> {
    service::change(&context, body.try_into()?, &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Password(error) => error.into(),
            ChangeError::Ask(error) => error.into(),
            ChangeError::Proof(error) => error.into(),
            ChangeError::EmailTaken => Self::new(Code::EmailTaken),
            ChangeError::Store(error) => error.into(),
        }
    }
}
