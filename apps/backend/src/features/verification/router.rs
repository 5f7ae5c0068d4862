//! `/api/auth/verify-email` and `/api/auth/change-email`.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{EmailChangeBody, EmailVerificationBody};
use super::service::{ChangeError, Claim, Verification, VerifyError};
use crate::core::caller::Caller;
use crate::core::dependencies::{CurrentUser, Identified, OptionalUser};
use crate::core::extract;
use crate::core::handle::Handle;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::auth::{Asking, MailAnswerBody, MailAskedBody, MailRequestBody};
use crate::features::outbox::Purpose;

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Verification> {
    OpenApiRouter::new()
        .routes(routes!(ask_to_verify))
        .routes(routes!(verify))
        .routes(routes!(ask_to_change))
        .routes(routes!(change))
}

/// Ask for a mail to verify the address
///
/// For an account whose address is not verified, or a sign-up that waits for it. The answer is the same for every address.
#[utoipa::path(post, path = "/api/auth/verify-email", tag = "verification",
    request_body = MailRequestBody,
    responses(
        (status = ACCEPTED, description = "A mail is on its way, if there is something to verify", body = MailAskedBody),
        Problem,
    ))]
async fn ask_to_verify(
    State(verification): State<Verification>,
    request: RequestInfo,
    extract::Checked(body): extract::Checked<MailRequestBody>,
) -> Result<(StatusCode, Json<MailAskedBody>), Problem> {
    let handle = body.handle(verification.platform.random)?;
    let asking = Asking {
        purpose: Purpose::VerifyEmail,
        to: &body.email()?,
        handle: handle.hash(),
        by: None,
    };
    verification.auth.ask(&asking, &Caller::anyone(request)).await?;
    Ok((StatusCode::ACCEPTED, Json(MailAskedBody::new(&handle))))
}

/// Verify the address
///
/// The link or the code proves who reads the mail, and nothing about who signed up. One of these has to come along: the
/// `handle` of the sign-up that waits (where addresses must be verified), a bearer token of the account, its `password`, or
/// a `new_password`, which ends every session. Otherwise the answer is 403 `password_required`, and nothing is used up.
#[utoipa::path(post, path = "/api/auth/verify-email/confirm", tag = "verification",
    security((), ("password" = []), ("bearer" = [])),
    request_body = EmailVerificationBody,
    responses(
        (status = NO_CONTENT, description = "The address is verified"),
        Problem,
    ))]
async fn verify(
    State(verification): State<Verification>,
    OptionalUser(user): OptionalUser,
    request: RequestInfo,
    extract::Checked(body): extract::Checked<EmailVerificationBody>,
) -> Result<StatusCode, Problem> {
    let (answer, [password, new_password]) = body.split();
    let user = user.map(CurrentUser);
    let caller = match &user {
        Some(user) => user.caller(request),
        None => Caller::anyone(request),
    };
    let claim = Claim {
        handle: answer.handle(),
        user: user.as_ref().map(CurrentUser::session_ref),
        password,
        new_password,
    };
    verification.verify(answer.try_into()?, claim, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask to change the address
///
/// A mail goes to the new address; nothing changes before its reader confirms it in a session of this account.
#[utoipa::path(post, path = "/api/auth/change-email", tag = "verification", security(("password" = []), ("bearer" = [])),
    request_body = EmailChangeBody,
    responses(
        (status = ACCEPTED, description = "A mail is on its way, if the address is free", body = MailAskedBody),
        Problem,
    ))]
async fn ask_to_change(
    State(verification): State<Verification>,
    user: CurrentUser,
    request: RequestInfo,
    extract::Checked(body): extract::Checked<EmailChangeBody>,
) -> Result<(StatusCode, Json<MailAskedBody>), Problem> {
    let (email, handle) = (body.email()?, Handle::generate(verification.platform.random));
    verification
        .ask_to_change(
            user.session_ref(),
            &email,
            body.password,
            handle.hash(),
            &user.caller(request),
        )
        .await?;
    Ok((StatusCode::ACCEPTED, Json(MailAskedBody::new(&handle))))
}

/// Change the address
///
/// With a bearer token of the account that asked, as long as the session that asked goes on. The old address is told.
#[utoipa::path(post, path = "/api/auth/change-email/confirm", tag = "verification",
    security(("password" = []), ("bearer" = [])),
    request_body = MailAnswerBody,
    responses(
        (status = NO_CONTENT, description = "The account has the new address"),
        Problem,
    ))]
async fn change(
    State(verification): State<Verification>,
    user: CurrentUser,
    request: RequestInfo,
    extract::Json(body): extract::Json<MailAnswerBody>,
) -> Result<StatusCode, Problem> {
    verification
        .change(user.session_ref(), body.try_into()?, &user.caller(request))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<VerifyError> for Problem {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::PasswordRequired => Self::new(Code::PasswordRequired),
            VerifyError::Challenge(error) => error.into(),
            VerifyError::Password(error) => error.into(),
            VerifyError::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Password(error) => error.into(),
            ChangeError::Ask(error) => error.into(),
            ChangeError::Challenge(error) => error.into(),
            ChangeError::EmailTaken => Self::new(Code::EmailTaken),
            ChangeError::SameEmail => Self::new(Code::SameEmail),
            ChangeError::Store(error) => error.into(),
        }
    }
}
