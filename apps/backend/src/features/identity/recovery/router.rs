//! `/api/auth/recover`.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::RecoveryBody;
use super::service::{RecoverError, Recovery};
use crate::core::caller::Caller;
use crate::core::extract;
use crate::core::problem::{FieldError, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::messaging::outbox::Purpose;
use crate::features::sign_in::auth::{Asking, EmailRequestedBody, MailRequestBody};

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Recovery> {
    OpenApiRouter::new().routes(routes!(ask)).routes(routes!(recover))
}

/// Request a password reset
///
/// The response is the same for all email addresses.
#[utoipa::path(post, path = "/api/auth/recover", tag = "recovery",
    request_body = MailRequestBody,
    responses(
        (status = ACCEPTED, description = "An email is sent, if there is an account", body = EmailRequestedBody),
        Problem,
    ))]
async fn ask(
    State(recovery): State<Recovery>,
    request: RequestInfo,
    extract::Checked(body): extract::Checked<MailRequestBody>,
) -> Result<(StatusCode, Json<EmailRequestedBody>), Problem> {
    let handle = body.handle(recovery.platform.random)?;
    let asking = Asking {
        purpose: Purpose::ResetPassword,
        to: &body.email()?,
        handle: handle.hash(),
        by: None,
        password_version: None,
    };
    recovery.auth.ask(&asking, &Caller::anyone(request)).await?;
    Ok((StatusCode::ACCEPTED, Json(EmailRequestedBody::new(&handle))))
}

/// Set a new password
///
/// Takes the link from the email or from an invitation, or the code from the email with the `handle` of its request. Ends
/// all sessions, so the user has to sign in afterwards.
#[utoipa::path(post, path = "/api/auth/recover/confirm", tag = "recovery",
    request_body = RecoveryBody,
    responses(
        (status = NO_CONTENT, description = "The password was set, and all sessions have ended"),
        Problem,
    ))]
async fn recover(
    State(recovery): State<Recovery>,
    request: RequestInfo,
    extract::Checked(body): extract::Checked<RecoveryBody>,
) -> Result<StatusCode, Problem> {
    let (answer, new_password) = body.split();
    let handle = answer.handle();
    recovery
        .recover(answer.try_into()?, handle, new_password, &Caller::anyone(request))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<RecoverError> for Problem {
    fn from(error: RecoverError) -> Self {
        match error {
            RecoverError::Challenge(error) => error.into(),
            RecoverError::Fault(fault) => Self::validation(vec![FieldError::from(fault).in_field("new_password")]),
            RecoverError::Hash(error) => error.into(),
            RecoverError::Store(error) => error.into(),
        }
    }
}
