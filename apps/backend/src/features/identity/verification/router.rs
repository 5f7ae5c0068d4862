//! `/api/auth/verify-email` and `/api/auth/change-email`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
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
use crate::features::messaging::outbox::Purpose;
use crate::features::sign_in::auth::{Asking, EmailRequestedBody, MailAnswerBody, MailRequestBody};
use crate::features::sign_in::browser_sessions::{Browser, BrowserTokenBody};

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Verification> {
    OpenApiRouter::new()
        .routes(routes!(ask_to_verify))
        .routes(routes!(verify))
        .routes(routes!(ask_to_change))
        .routes(routes!(change))
}

/// Request a verification email
///
/// For accounts and pending sign-ups whose email address is not verified. The response is the same for all email addresses.
#[utoipa::path(post, path = "/api/auth/verify-email", tag = "verification",
    request_body = MailRequestBody,
    responses(
        (status = ACCEPTED, description = "An email is sent, if there is something to verify", body = EmailRequestedBody),
        Problem,
    ))]
async fn ask_to_verify(
    State(verification): State<Verification>,
    request: RequestInfo,
    extract::Checked(body): extract::Checked<MailRequestBody>,
) -> Result<(StatusCode, Json<EmailRequestedBody>), Problem> {
    let handle = body.handle(verification.platform.random)?;
    let asking = Asking {
        purpose: Purpose::VerifyEmail,
        to: &body.email()?,
        handle: handle.hash(),
        by: None,
        password_version: None,
    };
    verification.auth.ask(&asking, &Caller::anyone(request)).await?;
    Ok((StatusCode::ACCEPTED, Json(EmailRequestedBody::new(&handle))))
}

/// Verify an email address
///
/// The link or code proves access to the mailbox, but not who signed up. The request therefore also needs one of these: the
/// `handle` of the pending sign-up (if verification is required), a bearer token of the account, its `password`, or a
/// `new_password`, which ends all sessions. Otherwise the response is 403 `password_required`, and the link or code stays
/// valid.
///
/// With `"session": "cookie"`, for pages of this server and of applications on the same site, the response also signs the
/// browser in.
#[utoipa::path(post, path = "/api/auth/verify-email/confirm", tag = "verification",
    security((), ("password" = []), ("bearer" = [])),
    request_body = EmailVerificationBody,
    responses(
        (status = OK, description = "The email address was verified, and the browser is signed in", body = BrowserTokenBody),
        (status = NO_CONTENT, description = "The email address was verified"),
        Problem,
    ))]
async fn verify(
    State(verification): State<Verification>,
    OptionalUser(user): OptionalUser,
    request: RequestInfo,
    browser: Result<Browser, Problem>,
    extract::Checked(body): extract::Checked<EmailVerificationBody>,
) -> Result<Response, Problem> {
    let browser = match body.signs_in() {
        true => Some(browser?),
        false => None,
    };
    let (answer, [password, new_password]) = body.split();
    let user = user.map(CurrentUser);
    let caller = match &user {
        Some(user) => user.caller(request.clone()),
        None => Caller::anyone(request.clone()),
    };
    let claim = Claim {
        handle: answer.handle(),
        user: user.as_ref().map(CurrentUser::session_ref),
        password,
        new_password,
    };
    let account = verification.verify(answer.try_into()?, claim, &caller).await?;
    let verified = || StatusCode::NO_CONTENT.into_response();
    let Some(browser) = browser else {
        return Ok(verified());
    };
    let auth = &verification.auth;
    match auth.login_browser_after_confirmation(account, &browser, request).await {
        Ok(tokens) => Ok(tokens.into_response()),
        Err(error) => {
            // The email address is verified all the same.
            tracing::warn!(%error, "failed to sign in the browser after the email address was verified");
            Ok(verified())
        }
    }
}

/// Request a change of email address
///
/// Sends an email to the new email address. The change takes effect when it is confirmed in a session of this account.
#[utoipa::path(post, path = "/api/auth/change-email", tag = "verification", security(("password" = []), ("bearer" = [])),
    request_body = EmailChangeBody,
    responses(
        (status = ACCEPTED, description = "An email is sent, if the email address is not taken", body = EmailRequestedBody),
        Problem,
    ))]
async fn ask_to_change(
    State(verification): State<Verification>,
    user: CurrentUser,
    request: RequestInfo,
    extract::Checked(body): extract::Checked<EmailChangeBody>,
) -> Result<(StatusCode, Json<EmailRequestedBody>), Problem> {
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
    Ok((StatusCode::ACCEPTED, Json(EmailRequestedBody::new(&handle))))
}

/// Confirm a change of email address
///
/// Requires a bearer token of the account that requested the change. The session in which it was requested must still be
/// active. The old email address gets a notice.
#[utoipa::path(post, path = "/api/auth/change-email/confirm", tag = "verification",
    security(("password" = []), ("bearer" = [])),
    request_body = MailAnswerBody,
    responses(
        (status = NO_CONTENT, description = "The email address was changed"),
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
